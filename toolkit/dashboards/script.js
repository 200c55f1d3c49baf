// The look that the address asks for, and pictures as PNG: what only the browser itself can do. It sends nothing.
(() => {
  const look = new URLSearchParams(location.search).get("look");
  if (look === "light" || look === "dark") document.documentElement.dataset.look = look;

  const figureOf = (key) => {
    const models = (window.Bokeh?.documents ?? []).flatMap((page) => [...page._all_models.values()]);
    const model = models.find((each) => each.tags?.includes(`picture:${key}`));
    return model ? window.Bokeh.index.find_one(model) : null;
  };
  const save = (key, file, title) => {
    const view = figureOf(key);
    if (!view) return;
    const drawn = view.export("png").canvas;
    const scale = drawn.width / view.bbox.width, band = Math.round(30 * scale), style = getComputedStyle(document.documentElement);
    const sheet = document.createElement("canvas");
    sheet.width = drawn.width; sheet.height = drawn.height + band;
    const pen = sheet.getContext("2d");
    pen.fillStyle = style.getPropertyValue("--card"); pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.fillStyle = style.getPropertyValue("--text"); pen.font = `${14 * scale}px system-ui, sans-serif`;
    pen.fillText(title, 10 * scale, 20 * scale);
    pen.drawImage(drawn, 0, band);
    sheet.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob); link.download = file; link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  };
  document.addEventListener("click", (event) => {
    const link = event.composedPath().find((each) => each.dataset?.png);
    if (!link) return;
    event.preventDefault();
    save(link.dataset.png, link.dataset.file, link.dataset.title);
  });
})();
