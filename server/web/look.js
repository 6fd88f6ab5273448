// How the page looks, before anything of it is drawn; a plain script, so that it comes first.

(() => {
  const chosen = localStorage.getItem("madang.theme");
  const root = document.documentElement;
  root.dataset.theme = ["light", "dark"].includes(chosen) ? chosen : "auto";
})();
