// How the page looks and what it speaks, before anything of it is drawn; a plain script, so that it comes first.

(() => {
  const chosen = localStorage.getItem("madang.theme");
  const root = document.documentElement;
  root.dataset.theme = ["light", "dark"].includes(chosen) ? chosen : "auto";
  const spoken = localStorage.getItem("madang.language") ?? navigator.language.toLowerCase();
  root.lang = spoken.startsWith("ko") ? "ko" : "en";
  const words = { rel: "modulepreload", href: `/assets/words_${root.lang}.js` }; // else they would come after all else
  document.head.append(Object.assign(document.createElement("link"), words));
})();
