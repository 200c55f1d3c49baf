// Says on the page itself that its app is gone or hangs, since nobody else could; takes the page up again once it is back.
(() => {
  const SILENT = 6, CALL = 10;
  let last = "", since = Date.now();
  const bar = document.createElement("div");
  bar.className = "lost";
  bar.setAttribute("role", "alert");
  bar.hidden = true;
  document.body.prepend(bar);
  const beat = () => {
    const pages = window.Bokeh?.documents ?? [];
    const models = pages.flatMap((page) => [...page._all_models.values()]);
    return models.find((model) => model.tags?.includes("beat"))?.text ?? "";
  };
  setInterval(async () => {
    const now = beat();
    if (now !== last) { last = now; since = Date.now(); }
    const seconds = Math.round((Date.now() - since) / 1000);
    bar.hidden = seconds < SILENT;
    bar.textContent = `Not connected for ${seconds} s: what stands here is old, and no click is heard. ` +
      "Stop things with `execution kill` if you must; this page comes back by itself.";
    if (seconds > CALL && !bar.hidden) {
      try { if ((await fetch("./alive", {cache: "no-store"})).ok) location.reload(); } catch { /* still gone */ }
    }
  }, 1000);
})();
