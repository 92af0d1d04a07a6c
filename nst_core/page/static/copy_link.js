async function onCopyLink(query, note) {
  if (!query) return ["", note];
  const app = document.querySelector(".gradio-container .studio").closest("gradio-app");
  const page = app.getAttribute("src") ?? location.origin + location.pathname;
  const link = new URL(query, page).href;
  try {
    await navigator.clipboard.writeText(link);
    return [`Copied: ${link}`, note];
  } catch {
    return [`Copy this link: ${link}`, note];
  }
}
