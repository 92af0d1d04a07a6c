const field = element.querySelector('input[type="number"]');
const range = element.querySelector('input[type="range"]');
const { logarithmic, ...limits } = element.querySelector(".head").dataset;
const [low, high, end, step] = ["low", "high", "end", "step"].map((name) => Number(limits[name]));
const decades = Math.log10(high);
Object.assign(field, { min: low, max: high, step });
if (logarithmic) Object.assign(range, { min: -decades, max: decades, step: decades / 50 });
else Object.assign(range, { min: low, max: end, step });

function rounded(value) {
  const steps = Math.round((Math.min(Math.max(value, low), high) - low) / step);
  return Number((low + steps * step).toFixed(6));
}
function position(value) {
  if (!logarithmic) return value;
  return value > 1 / high ? Math.log10(value) : -decades;
}
function valueAt(place) {
  if (!logarithmic) return rounded(place);
  return place <= -decades ? low : rounded(10 ** place);
}
function show(value) {
  field.value = value;
  range.value = position(value);
  range.setAttribute("aria-valuetext", value);
}
function send(value) {
  show(value);
  if (value === Number(props.value)) return;
  props.value = value;
  trigger("input");
  trigger("change");
}
range.addEventListener("input", () => send(valueAt(Number(range.value))));
field.addEventListener("change", () =>
  send(field.value === "" ? Number(props.value) : rounded(Number(field.value))),
);
show(Number(props.value));
watch("value", () => {
  if (Number(props.value) === Number(field.value)) return;
  show(Number(props.value));
  trigger("change");
});
