"""The controls of the network: one for every condition, made from its own description.

Each control calls ``apply(name, value)`` when a person changes it, and :meth:`Control.show`
puts a value into it without calling back. It knows nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from wsim.conditions import FieldInfo, NetworkConditions, condition_fields
from wsim.dashboard import fields
from wsim.dashboard.home import HomeLoop

Apply = Callable[[str, Any], None]
LABEL_WIDTH = "130px"
DESCRIBED = {"description_width": LABEL_WIDTH}


class Control:
    """A control of one value; `box` is what is shown.

    Parameters
    ----------
    name : str
        What `apply` is told; also the CSS class ``wsim-<name>``.
    """

    def __init__(self, name: str, home: HomeLoop, apply: Apply) -> None:
        self.name = name
        self.home = home
        self.apply = apply
        self.box: Any = None
        self._showing = False

    def watch(self, *widgets: Any) -> None:
        """Pass changes of the widgets' values home, unless :meth:`show` makes them."""
        for widget in widgets:
            widget.observe(self._told, "value")

    def _told(self, change: Any) -> None:
        if not (self._showing and self.home.here()):
            self.home.call(self.changed, change["owner"], change["new"])

    def changed(self, widget: Any, value: Any) -> None:
        """A person gave a value: hand it on."""
        self.apply(self.name, value)

    def show(self, value: Any) -> None:
        """Put a value in force into the widgets."""
        self._showing = True
        try:
            self.put(value)
        finally:
            self._showing = False

    def put(self, value: Any) -> None:
        """Set the widgets."""
        self.box.value = value


class NumberControl(Control):
    """A labelled number field with a slider, and a box for "no limit" where None is allowed."""

    def __init__(
        self,
        name: str,
        home: HomeLoop,
        apply: Apply,
        *,
        label: str,
        hint: str,
        limits: tuple[float, float],
        step: float,
        value: float | None,
        optional: bool = False,
        round_to: Callable[[float], float] = lambda value: round(value, 6),
    ) -> None:
        super().__init__(name, home, apply)
        low, high = limits
        self._round = round_to
        start = low if value is None else value
        self.field = w.FloatText(
            value=start, step=step, description=label, tooltip=hint, style=DESCRIBED,
            layout=w.Layout(width="206px", flex="0 0 auto"),
        )  # fmt: skip
        self.slider = w.FloatSlider(
            value=min(start, high), min=low, max=high, step=step, readout=False, tooltip=hint,
            # otherwise the browser sends back what it rounds to the slider's steps
            continuous_update=False,
            layout=w.Layout(width="auto", min_width="60px", flex="1 1 60px"),
        )  # fmt: skip
        self.slider.add_class(f"wsim-{name.replace('_', '-')}")
        self.field.add_class(f"wsim-{name.replace('_', '-')}-field")
        parts = [self.field, self.slider]
        self.unlimited: Any = None
        if optional:
            self.unlimited = w.Checkbox(
                value=value is None, description="none", indent=False,
                tooltip=f"{label}: no limit", layout=w.Layout(width="62px", flex="0 0 auto"),
            )  # fmt: skip
            parts.append(self.unlimited)
        self.box = w.HBox(parts, layout=w.Layout(width="100%", align_items="center"))
        self.watch(*parts)
        if value is None:
            self.show(None)

    def changed(self, widget: Any, value: Any) -> None:
        """Hand on the number, or None if there is to be no limit."""
        if widget is self.unlimited:
            value = None if value else self.field.value
        self.apply(self.name, value if value is None else self._round(float(value)))

    def put(self, value: Any) -> None:
        """Set field and slider, and widen the slider if the value lies beyond it."""
        if self.unlimited is not None:
            self.unlimited.value = value is None
        for widget in (self.field, self.slider):
            widget.disabled = value is None
        if value is None:
            return
        if value > self.slider.max:
            self.slider.max = value * 2
        self.field.value = value
        if self._round(self.slider.value) != value:
            self.slider.value = max(value, self.slider.min)


class TextControl(Control):
    """A text field for values that are neither number, flag nor choice."""

    def __init__(self, info: FieldInfo, home: HomeLoop, apply: Apply, value: Any) -> None:
        super().__init__(info.name, home, apply)
        self.info = info
        self.box = w.Text(
            value=fields.shown(info, value), description=fields.label(info), style=DESCRIBED,
            tooltip=fields.hint(info), continuous_update=False, layout=w.Layout(width="100%"),
        )  # fmt: skip
        self.watch(self.box)

    def changed(self, widget: Any, value: Any) -> None:
        """Hand on what the text means."""
        self.apply(self.name, fields.parsed(self.info, value))

    def put(self, value: Any) -> None:
        """Set the text."""
        self.box.value = fields.shown(self.info, value)


def condition_control(info: FieldInfo, home: HomeLoop, apply: Apply, value: Any) -> Control:
    """Return the control that suits a condition."""
    if info.kind in ("number", "integer"):
        control: Control = NumberControl(
            info.name, home, apply, label=fields.label(info), hint=fields.hint(info),
            limits=fields.slider_range(info, value or 0.0), step=info.step, value=value,
            optional=info.optional, round_to=lambda number: fields.rounded(info, number),
        )  # fmt: skip
        return control
    if info.kind not in ("flag", "choice"):
        control = TextControl(info, home, apply, value)
    else:
        control = Control(info.name, home, apply)
        control.box = _plain_widget(info, value)
        control.watch(control.box)
    control.box.add_class(f"wsim-{info.name.replace('_', '-')}")
    return control


def _plain_widget(info: FieldInfo, value: Any) -> Any:
    about = {"description": fields.label(info), "tooltip": fields.hint(info), "style": DESCRIBED}
    if info.kind == "flag":
        return w.Checkbox(value=value, layout=w.Layout(width="100%"), **about)
    return w.Dropdown(options=info.choices, value=value, layout=w.Layout(width="100%"), **about)


class NetworkControls:
    """Every condition: the everyday ones in sight, the others folded.

    Parameters
    ----------
    apply : callable
        Called with the name of a condition and its new value.
    """

    def __init__(self, home: HomeLoop, apply: Apply, conditions: NetworkConditions) -> None:
        self.controls = {
            info.name: condition_control(info, home, apply, getattr(conditions, info.name))
            for info in condition_fields()
        }
        shut = {info.name for info in condition_fields() if info.advanced}
        open_ = [control.box for name, control in self.controls.items() if name not in shut]
        folded = [control.box for name, control in self.controls.items() if name in shut]
        more = w.Accordion([w.VBox(folded)], titles=("More conditions",), selected_index=None)
        more.add_class("wsim-more")
        self.box = w.VBox([*open_, more])

    def show(self, conditions: NetworkConditions) -> None:
        """Put conditions in force into every control."""
        for name, control in self.controls.items():
            control.show(getattr(conditions, name))
