function onEnded(line) {
  // Work that was cancelled, or has failed, leaves its progress in the line.
  return line.replace(/<progress.*<\/span>/, "<span>Ended without a result.</span>");
}
