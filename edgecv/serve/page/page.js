// The page of `edgecv serve`: sends pictures, and shows what the server answers. It asks nobody else.

const $ = (id) => document.getElementById(id);
const STAGES = ["network", "queue", "preprocess", "inference", "postprocess"];
const LARGEST = 2048; // pixels of a camera's longer side that are sent
const LEAST = 256; // pixels of the longer side of a picture that is shown
const PAUSE = 40; // milliseconds between two pictures of the camera

const MOST_ROWS = 20;
const UNSEEN = 255; // in a mask: where the model has not seen the picture
const OPAQUE = 115; // of 255

let models = [];
let palette = [];
let loading = null;
let key = sessionStorage.getItem("key") || "";
let asking = null;
let stream = null;

const headers = () => (key ? { "X-API-Key": key } : {});
const chosen = () => models[$("model").selectedIndex];
const address = (model, what) =>
  `v2/models/${encodeURIComponent(model.name)}/versions/${encodeURIComponent(model.version)}/${what}`;

function element(name, text, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.textContent = text;
  return made;
}

function fail(message) {
  $("error").textContent = message;
  $("error").hidden = !message;
}

async function told(response) {
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) $("key-row").hidden = false;
  const words = answer.error || `the server answered ${response.status}`;
  throw new Error(answer.hint ? `${words}. ${answer.hint}` : words);
}

async function loadModels() {
  try {
    const answer = await told(await fetch("v2/models", { headers: headers() }));
    ({ models, palette } = answer);
    $("key-row").hidden = true;
    fail("");
  } catch (error) {
    fail(error.message);
    return;
  }
  const twice = new Set(models.map((model) => model.name)).size < models.length;
  const names = models.map((model) => (twice ? `${model.name}, version ${model.version}` : model.name));
  $("model").replaceChildren(...names.map((name) => element("option", name)));
  showModel();
}

function showModel() {
  const model = chosen();
  if (!model) return;
  $("report").hidden = !model.report;
  $("report").href = address(model, "report");
  $("runtime").textContent = model.artifact ? `${model.artifact} on ${model.runtime}` : "";
  fail(model.pictures === false ? "This model takes numbers, not pictures: use the API." : "");
}

// Answers

async function ask(picture) {
  await loading;
  const model = chosen();
  if (!model) throw new Error("there is no model");
  asking?.abort();
  const mine = (asking = new AbortController());
  const began = performance.now();
  const response = await fetch(`${address(model, "predict")}?top=5&drawing=true`, {
    method: "POST", body: picture, signal: mine.signal,
    headers: { ...headers(), "Content-Type": picture.type || "application/octet-stream" },
  });
  const answer = await told(response);
  answer.total_ms = performance.now() - began;
  const worked = STAGES.slice(1).reduce((sum, stage) => sum + answer[`${stage}_ms`], 0);
  answer.network_ms = Math.max(0, answer.total_ms - worked);
  return answer;
}

function show(answer) {
  fail("");
  const several = answer.answers.length > 1;
  $("answers").replaceChildren(...answer.answers.flatMap((one) => [
    ...(several ? [element("h3", one.head)] : []), shown(one, answer.drawing || []),
  ]));
  showTimes(answer);
}

// The best classes as bars, boxes and points as a list, else what the head would write on the picture.
function shown(one, drawing) {
  const rows = one.top || one.boxes || one.classes || one.points;
  if (rows?.length) {
    const list = element("ol");
    for (const item of rows.slice(0, MOST_ROWS)) list.append(row(item));
    if (rows.length > MOST_ROWS) list.append(element("li", `and ${rows.length - MOST_ROWS} more`));
    return list;
  }
  const words = drawing.filter((item) => item.head === one.head && item.text).map((item) => item.text);
  return element("pre", words.join("\n") || (rows ? "none" : ""));
}

function row(item) {
  const made = element("li");
  const score = item.score ?? item.share;
  const place = item.x === undefined ? "" : ` at ${Math.round(item.x)}, ${Math.round(item.y)}`;
  made.append(element("span", `${item.label}${place}`));
  if (score >= 0 && score <= 1) {
    made.append(element("span", `${(100 * score).toFixed(1)} %`));
    made.append(element("meter", undefined, { min: 0, max: 1, value: score, ariaLabel: item.label }));
  } else if (score !== undefined) made.append(element("span", score.toPrecision(4)));
  return made;
}

function showTimes(answer) {
  const stages = [...STAGES, "total"];
  $("times").replaceChildren(...stages.flatMap((stage) => [
    element("dt", stage === "network" ? "network and upload" : stage, { className: stage }),
    element("dd", `${answer[`${stage}_ms`].toFixed(1)} ms`),
  ]));
  $("bar").replaceChildren(...STAGES.map((stage) => {
    const part = element("i", undefined, { className: stage });
    part.style.flexGrow = answer[`${stage}_ms`];
    return part;
  }));
}

// Drawing: every shape that a head may ask for; what this page does not know, it leaves out.

async function paint(source, width, height, answer) {
  const canvas = $("picture");
  const factor = Math.ceil(LEAST / Math.max(width, height)); // tiny pictures are enlarged, to hold what is drawn
  canvas.width = width * factor;
  canvas.height = height * factor;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.scale(factor, factor);
  pen.drawImage(source, 0, 0, width, height);
  const drawing = answer?.drawing || [];
  const scale = Math.max(canvas.width, canvas.height) / 500 / factor;
  const made = [];
  const layers = (item) => (item.shape === "masklayer" ? 0 : 1); // masks lie under everything else
  for (const item of [...drawing].sort((a, b) => layers(a) - layers(b))) await SHAPES[item.shape]?.(pen, item, { scale, width, height }, made);
  $("made").replaceChildren(...made);
  canvas.hidden = false;
  $("empty").hidden = true;
  const words = drawing.map((item) => item.text).filter(Boolean);
  canvas.setAttribute("aria-label", words.length ? `Picture: ${words.join(", ")}` : "Picture");
}

function colour(index) {
  const [times, place] = [Math.min(4, Math.floor(index / palette.length)), index % palette.length];
  return (palette[place] || [128, 128, 128]).map((part) => Math.round(part * 0.75 ** times));
}

const css = (parts) => `rgb(${parts.join(" ")})`;

async function bitmap(record) {
  const bytes = Uint8Array.from(atob(record.png), (letter) => letter.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}

const SHAPES = {
  boxmark(pen, item, size) {
    const { scale } = size;
    const [left, top, right, bottom] = item.place;
    pen.lineWidth = 4 * scale;
    pen.strokeStyle = "#000";
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.lineWidth = 2.5 * scale;
    pen.strokeStyle = css(colour(item.index));
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.font = `${14 * scale}px system-ui, sans-serif`;
    const wide = pen.measureText(item.text).width + 8 * scale;
    const x = Math.max(0, Math.min(left, size.width - wide));
    const y = Math.max(0, top - 20 * scale);
    pen.fillStyle = css(colour(item.index));
    pen.fillRect(x, y, wide, 20 * scale);
    pen.fillStyle = "#000";
    pen.fillText(item.text, x + 4 * scale, y + 15 * scale);
  },
  skeleton(pen, item, { scale }) {
    pen.lineWidth = 3 * scale;
    item.lines.forEach(([from, to], number) => {
      const ends = [item.points[from], item.points[to]];
      if (!ends[0] || !ends[1]) return;
      pen.strokeStyle = css(colour(number));
      pen.beginPath();
      pen.moveTo(...ends[0]);
      pen.lineTo(...ends[1]);
      pen.stroke();
    });
    item.points.forEach((point, number) => {
      if (!point) return;
      pen.fillStyle = css(colour(number));
      pen.beginPath();
      pen.arc(...point, 4 * scale, 0, 2 * Math.PI);
      pen.fill();
    });
  },
  async masklayer(pen, item, { width, height }) {
    const mask = await bitmap(item.classes);
    const canvas = new OffscreenCanvas(mask.width, mask.height);
    const inner = canvas.getContext("2d");
    inner.drawImage(mask, 0, 0);
    const pixels = inner.getImageData(0, 0, mask.width, mask.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const value = pixels.data[at];
      pixels.data.set([...colour(value), value === UNSEEN ? 0 : OPAQUE], at);
    }
    inner.putImageData(pixels, 0, 0);
    pen.drawImage(canvas, 0, 0, width, height);
  },
  async madepicture(pen, item, size, made) {
    const picture = await bitmap(item.pixels);
    const canvas = element("canvas", undefined, { width: picture.width, height: picture.height, role: "img" });
    canvas.setAttribute("aria-label", `Picture that the model made: ${item.title}`);
    canvas.getContext("2d").drawImage(picture, 0, 0);
    made.push(canvas);
  },
};

// Pictures from files, the clipboard and the camera

async function answerFile(file) {
  stopCamera();
  try {
    const [answer, bitmap] = await Promise.allSettled([ask(file), createImageBitmap(file)]);
    if (answer.status === "rejected") throw answer.reason;
    show(answer.value);
    if (bitmap.status === "fulfilled") await paint(bitmap.value, bitmap.value.width, bitmap.value.height, answer.value);
    else fail("This browser cannot show the picture; the answer is right all the same.");
  } catch (error) {
    if (error.name !== "AbortError") fail(error.message);
  }
}

async function startCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    fail(navigator.mediaDevices ? `The camera cannot be used: ${error.message}`
      : "The camera needs https, or an address of this machine.");
    return;
  }
  $("camera").setAttribute("aria-pressed", "true");
  $("camera").textContent = "Stop the camera";
  $("video").srcObject = stream;
  $("video").hidden = false;
  await $("video").play();
  const mine = stream;
  const frame = document.createElement("canvas");
  while (stream === mine) {
    const { videoWidth, videoHeight } = $("video");
    const scale = Math.min(1, LARGEST / Math.max(videoWidth, videoHeight, 1));
    frame.width = Math.max(1, Math.round(videoWidth * scale));
    frame.height = Math.max(1, Math.round(videoHeight * scale));
    frame.getContext("2d").drawImage($("video"), 0, 0, frame.width, frame.height);
    const picture = await new Promise((done) => frame.toBlob(done, "image/jpeg", 0.9));
    try {
      const answer = await ask(picture);
      if (stream !== mine) break;
      show(answer);
      await paint(frame, frame.width, frame.height, answer);
    } catch (error) {
      if (error.name !== "AbortError") fail(error.message);
      await new Promise((done) => setTimeout(done, 1000));
    }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

function stopCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  $("video").srcObject = null;
  $("video").hidden = true;
  $("camera").setAttribute("aria-pressed", "false");
  $("camera").textContent = "Camera";
}

function first(files) {
  const file = [...(files || [])].find((one) => one.type.startsWith("image/")) || files?.[0];
  if (file) answerFile(file);
}

$("file").addEventListener("change", (event) => {
  first(event.target.files);
  event.target.value = "";
});
$("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));
$("model").addEventListener("change", showModel);
$("key-row").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value.trim();
  sessionStorage.setItem("key", key);
  loading = loadModels();
});
document.addEventListener("paste", (event) => first(event.clipboardData?.files));
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("stage").classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") first(event.dataTransfer?.files);
  });
}
loading = loadModels();
