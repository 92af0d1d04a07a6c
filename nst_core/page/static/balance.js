const range = element.querySelector("input");
range.value = props.value;
range.addEventListener("input", () => {
  props.value = Number(range.value);
  trigger("input");
});
watch("value", () => {
  range.value = props.value;
});
