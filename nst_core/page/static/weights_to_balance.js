function onWeights(content, style) {
  if (!content || !style) return content ? -1 : 1;
  return Math.min(1, Math.max(-1, Math.log10(style / content)));
}
