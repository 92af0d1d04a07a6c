async function onCopyLink(query) {
  if (!query) return "";
  const app = document.querySelector(".studio").closest("gradio-app");
  const page = app.getAttribute("src") ?? location.origin + location.pathname;
  const link = new URL(query, page).href;
  try {
    await navigator.clipboard.writeText(link);
    return `Copied: ${link}`;
  } catch {
    return `Copy this link: ${link}`;
  }
}
