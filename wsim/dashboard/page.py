"""What only the page itself can do: copy text, listen to keys, name what has no name.

Widgets cannot reach the clipboard, hear no keys, and give sliders and pictures no accessible
name. These fragments do that, and press the panel's own buttons for everything else.
"""

from __future__ import annotations

import html


def _fragment(tag: str, words: str, **attributes: str) -> str:
    told = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<{tag} {told}>{html.escape(words)}</{tag}>"


_COPY = """
const panel = this.closest('.wsim-panel'), say = (words) => { this.textContent = words; };
const text = panel.querySelector('.wsim-code textarea');
text.value = '';
panel.querySelector('.wsim-as-code').click();
let asked = 0;
const copy = async () => {
  if (!text.value && asked++ < 100) { setTimeout(copy, 50); return; }
  if (!text.value) { say('The kernel is busy: try again'); return; }
  try { await navigator.clipboard.writeText(text.value); say('Copied'); }
  catch (refused) {
    text.focus(); text.select();
    say(document.execCommand('copy') ? 'Copied' : 'Press Ctrl-C to copy what is selected');
  }
  setTimeout(() => say('Copy as code'), 3000);
};
copy();
"""
_DRIVE = """
const button = {ArrowUp: 'faster', ArrowDown: 'slower', ArrowLeft: 'left', ArrowRight: 'right',
  ' ': 'still'}[event.key];
if (button) {
  event.preventDefault(); event.stopPropagation();
  this.closest('.wsim-panel').querySelector('.wsim-pad-' + button).click();
}
"""
_NAME = """
let tried = 0;
const begin = () => {
  const panel = this.closest('.wsim-panel'), left = panel && panel.querySelector('.wsim-left');
  if (!left) { if (tried++ < 100) setTimeout(begin, 100); return; }
  const name = () => {
    for (const handle of panel.querySelectorAll('.noUi-handle')) {
      const label = handle.closest('.widget-hbox')?.querySelector('label');
      if (label && handle.ariaLabel !== label.textContent) handle.ariaLabel = label.textContent;
    }
    for (const image of panel.querySelectorAll('img.wsim-plot'))
      image.alt = 'picture, described in words after it';
    for (const head of panel.querySelectorAll('.jupyter-widget-Collapse-header')) {
      const open = String(head.parentElement.classList.contains('jupyter-widget-Collapse-open'));
      if (head.ariaExpanded !== open) head.ariaExpanded = open;
      if (head.tabIndex === 0) continue;
      head.tabIndex = 0; head.setAttribute('role', 'button');
      head.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault(); event.stopPropagation(); head.click();
      });
    }
  };
  name();
  new MutationObserver(name).observe(left, {childList: true, subtree: true, attributes: true,
    attributeFilter: ['class']});
};
begin();
"""
COPY = _fragment(
    "button",
    "Copy as code",
    type="button",
    title="put Python that makes this panel again on the clipboard",
    onclick=_COPY,
    **{"class": "jupyter-button wsim-copy"},
)
"""A button that asks the kernel for the code, then puts it on the clipboard."""
KEYS = _fragment(
    "div",
    "Click here and drive with the arrow keys; the space bar stands still.",
    tabindex="0",
    role="group",
    onkeydown=_DRIVE,
    **{"class": "wsim-keys", "data-lm-suppress-shortcuts": "true"},
)
"""A place that takes the arrow keys."""
NAMES = f'<img alt="" hidden src="data:," onerror="{html.escape(_NAME)}">'
"""Nothing to see: gives sliders, pictures and headings names, and headings a place for Tab."""
