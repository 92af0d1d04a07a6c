function onBalance(balance) {
  const weights = [10 ** Math.max(0, -balance), 10 ** Math.max(0, balance)];
  return weights.map((weight) => Math.round(weight * 100) / 100);
}
