"""Pure decisions: values in, values out; no time, no chance, no I/O."""
