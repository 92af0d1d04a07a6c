function onBalance(balance) {
  const rounded = (value) => Math.round(value * 100) / 100;
  return [rounded(10 ** Math.max(0, -balance)), rounded(10 ** Math.max(0, balance))];
}
