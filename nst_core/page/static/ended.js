function onEnded(line) {
  // The first progress of work may come after its Cancel, and would stay in the line.
  return line.replace(/<progress.*<\/span>/, "<span>Ended without a result.</span>");
}
