// Uploads the files that are chosen or dropped, each by a request of its own: a bad one does not keep the others out.
const AT_ONCE = 4;
const field = element.querySelector("input");
const told = element.querySelector("[role=status]");
const batch = element.closest("#batch");
const isBusy = () => ["uploading", "running", "stopping"].includes(batch.dataset.state);

const sent = async ({file, fits}) => {
  if (!fits) return {name: file.name, refused: "size"};
  try {
    return {name: file.name, path: (await upload(file)).path ?? null, refused: "upload"};
  } catch {
    return {name: file.name, refused: "upload"};
  }
};

const take = async (chosen) => {
  if (isBusy() || !chosen.length) return;
  let together = 0;
  const fits = (file) => file.size <= props.most_bytes && (together += file.size) <= props.most_together;
  const files = [...chosen].slice(0, props.most_files).map((file) => ({file, fits: fits(file)}));
  const done = [];
  batch.dataset.state = "uploading";
  field.disabled = true;
  while (done.length < files.length && batch.dataset.state === "uploading") {
    told.textContent = `Uploading ${done.length + 1} of ${files.length}`;
    done.push(...await Promise.all(files.slice(done.length, done.length + AT_ONCE).map(sent)));
  }
  const isStopped = batch.dataset.state !== "uploading";
  const left = chosen.length > files.length ? `Of ${chosen.length} files the first ${files.length} were taken.` : "";
  told.textContent = isStopped ? "The upload was stopped." : left;
  field.value = "";
  field.disabled = false;
  batch.dataset.state = isStopped ? "" : "running";
  if (!isStopped) trigger("submit", {files: done});
};

field.addEventListener("change", () => take(field.files));
element.addEventListener("dragover", (event) => event.preventDefault());
element.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
