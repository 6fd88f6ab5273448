"""Who hears a broadcast: specification 001, over all people at once.

``columns`` says what is known of everybody, ``parts`` turns facts into numbers from 0 to 1,
``strategy`` weighs them, ``lots`` draws, ``selecting`` goes through the stages, and ``explaining``
tells of one person why or why not.
"""
