/* Charts from data-chart attributes, drawn by ECharts on a canvas; the table beside each says the same. Only pages with charts load this. */
"use strict";
(function () {
  const root = document.documentElement;
  const token = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const places = Array.from(document.querySelectorAll("[data-chart]"));
  const drawn = [];

  function option(spec) {
    const size = parseFloat(getComputedStyle(document.body).fontSize) * 0.875;
    const text = { color: token("--c-ink-2"), fontSize: size, fontFamily: getComputedStyle(document.body).fontFamily };
    const colours = ["--c-brand-700", "--c-chart-2", "--c-chart-3", "--c-ok"].map(token);
    const categories = {
      type: "category", data: spec.labels, inverse: Boolean(spec.horizontal), axisTick: { show: false },
      axisLine: { lineStyle: { color: token("--c-line-2") } },
      axisLabel: Object.assign({ hideOverlap: true, interval: spec.labels.length <= 8 ? 0 : "auto" }, text, spec.horizontal ? { width: size * 9, overflow: "truncate" } : {}),
    };
    const values = { type: "value", minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: token("--c-line") } } };
    return {
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      color: colours,
      textStyle: text,
      aria: { enabled: true, decal: { show: root.dataset.contrast === "high" || matchMedia("(prefers-contrast: more)").matches } },
      grid: { left: 8, right: 24, top: spec.series.length > 1 ? size * 2.6 : 12, bottom: 4, containLabel: true },
      legend: spec.series.length > 1 ? { top: 0, left: 0, textStyle: text, itemWidth: size, itemHeight: size * 0.8 } : undefined,
      /* richText draws on the canvas: an HTML tooltip would need inline styles, which the page does not allow. */
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, textStyle: text, backgroundColor: token("--c-surface"), borderColor: token("--c-line-2"),
        valueFormatter: (value) => value + " " + spec.unit },
      xAxis: spec.horizontal ? values : categories,
      yAxis: spec.horizontal ? categories : values,
      series: spec.series.map((each) => ({
        type: "bar", name: each.name, data: each.values, stack: spec.stack ? "all" : undefined, barMaxWidth: 34,
        label: { show: spec.labels.length <= 12 && !spec.stack, position: spec.horizontal ? "right" : "top", color: token("--c-ink"), fontSize: size },
      })),
    };
  }

  function draw() {
    drawn.splice(0).forEach((chart) => chart.dispose());
    places.forEach((place) => {
      place.hidden = false;
      const chart = window.echarts.init(place, null, { renderer: "canvas" });
      chart.setOption(option(JSON.parse(place.dataset.chart)));
      drawn.push(chart);
    });
  }

  if (!window.echarts || !places.length) return;
  draw();
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => drawn.forEach((chart) => chart.resize()));
  });
  window.addEventListener("beforeprint", () => drawn.forEach((chart) => chart.resize()));
  new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ["data-mode", "data-contrast"] });
})();
