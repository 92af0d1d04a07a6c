const [photo, canvas] = [element.querySelector("img"), element.querySelector("canvas")];
const [brush, erase] = [element.querySelector("input"), element.querySelector(".erase")];
const paint = canvas.getContext("2d");
let last = null;
let sent = "";

function draw(mask) {
  canvas.width = photo.naturalWidth;
  canvas.height = photo.naturalHeight;
  sent = mask || "";
  if (!sent) return;
  const image = new Image();
  image.addEventListener("load", () => {
    paint.globalCompositeOperation = "source-over";
    paint.drawImage(image, 0, 0, canvas.width, canvas.height);
    paint.globalCompositeOperation = "source-in";
    paint.fillStyle = "#e11d48";
    paint.fillRect(0, 0, canvas.width, canvas.height);
  });
  image.src = sent;
}
function send() {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const white = copy.getContext("2d");
  white.drawImage(canvas, 0, 0);
  white.globalCompositeOperation = "source-in";
  white.fillStyle = "white";
  white.fillRect(0, 0, copy.width, copy.height);
  sent = copy.toDataURL("image/png");
  props.value = sent;
  trigger("change");
}
function at(event) {
  const box = canvas.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * canvas.width) / box.width,
    ((event.clientY - box.top) * canvas.height) / box.height,
  ];
}
function stroke(event) {
  const here = at(event);
  const erasing = erase.getAttribute("aria-pressed") === "true";
  paint.globalCompositeOperation = erasing ? "destination-out" : "source-over";
  paint.strokeStyle = "#e11d48";
  paint.lineCap = "round";
  paint.lineWidth = (brush.value / 100) * Math.max(canvas.width, canvas.height);
  paint.beginPath();
  paint.moveTo(...last);
  paint.lineTo(...here);
  paint.stroke();
  last = here;
}
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = at(event);
  stroke(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (last) stroke(event);
});
for (const end of ["pointerup", "pointercancel"])
  canvas.addEventListener(end, () => {
    if (last) {
      last = null;
      send();
    }
  });
erase.addEventListener("click", () =>
  erase.setAttribute("aria-pressed", erase.getAttribute("aria-pressed") !== "true"),
);
element.querySelector(".clear").addEventListener("click", () => {
  draw("");
  props.value = "";
  trigger("change");
});
photo.addEventListener("load", () => draw(props.value));
photo.src = props.photo;
watch("photo", () => {
  photo.src = props.photo;
});
watch("value", () => {
  if ((props.value || "") !== sent) draw(props.value);
});
