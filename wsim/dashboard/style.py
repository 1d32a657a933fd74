"""How the panel looks: colours of JupyterLab's theme, so that light and dark both work."""

STYLE = """<style>
.wsim-panel { color: var(--jp-ui-font-color1, #222); font-size: 13px; }
.wsim-left { border-right: 1px solid var(--jp-border-color2, #ccc); padding-right: 8px; }
.wsim-panel .widget-html-content { line-height: 1.35; width: 100%; }
.wsim-pictures { gap: 4px; }
.wsim-left .jupyter-widget-Collapse-contents { padding: 4px; }
.wsim-picture { margin: 0; padding: 0; }
.wsim-picture .widget-image { margin: 1px; }
.wsim-picture img { border-radius: 3px; }
/* pictures are drawn for paper; in a dark theme lightness is turned over and hues are kept */
[data-jp-theme-light="false"] img.wsim-plot,
body.theme-dark img.wsim-plot { filter: invert(0.89) hue-rotate(180deg); }
.wsim-described { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.wsim-error { background: #b3261e; color: #fff; padding: 4px 10px; border-radius: 3px; }
.wsim-advice { border-left: 4px solid #E69F00; padding: 2px 8px; }
.wsim-better { color: #00795a; } .wsim-worse { color: #b3420a; }
.wsim-better, .wsim-worse { font-weight: 600; white-space: nowrap; }
[data-jp-theme-light="false"] .wsim-better, body.theme-dark .wsim-better { color: #4fd0a5; }
[data-jp-theme-light="false"] .wsim-worse, body.theme-dark .wsim-worse { color: #ff9a66; }
.wsim-note { padding: 2px 0; }
.wsim-text-status, .wsim-text-status * { font-size: 11px; color: var(--jp-ui-font-color2, #555); }
.wsim-numbers { display: flex; flex-wrap: wrap; gap: 2px 20px; margin: 4px 0; }
.wsim-numbers div { display: flex; flex-direction: column; white-space: nowrap; }
.wsim-numbers span { font-size: 11px; color: var(--jp-ui-font-color2, #555); }
.wsim-numbers b { font-size: 15px; font-variant-numeric: tabular-nums; }
.wsim-table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums;
  margin: 2px 0 6px; }
.wsim-table th { text-align: left; border-bottom: 1px solid var(--jp-border-color1, #999);
  padding: 1px 10px 1px 0; font-weight: 600; }
.wsim-table td { white-space: nowrap; }
.wsim-table th { vertical-align: bottom; }
.wsim-table td:nth-child(2) { white-space: normal; min-width: 9em; }
.wsim-table td { padding: 1px 10px 1px 0; border-bottom: 1px solid var(--jp-border-color3, #eee); }
.wsim-panel button.wsim-estop { background: #b3261e; color: #fff; font-weight: 700; }
.wsim-panel button:focus-visible, .wsim-panel input:focus-visible,
.wsim-panel select:focus-visible { outline: 2px solid #0072B2; outline-offset: 1px; }
.wsim-pad { padding: 0; }
.wsim-keys { margin: 2px 6px 6px; padding: 4px 8px;
  border: 1px dashed var(--jp-border-color1, #999);
  border-radius: 3px; font-size: 12px; text-align: center; cursor: pointer; }
.wsim-keys:focus { outline: 2px solid #0072B2; background: var(--jp-layout-color2, #eee); }
.wsim-copy { padding: 0 12px; font-family: inherit; cursor: pointer; }
.wsim-left .jupyter-widget-Collapse-header:focus-visible { outline: 2px solid #0072B2; }
.wsim-code textarea { font-family: var(--jp-code-font-family, monospace); font-size: 12px; }
</style>"""
