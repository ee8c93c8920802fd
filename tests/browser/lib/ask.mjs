// Questions to world.py, which answers while a test runs.

const open = new Map();
let last = 0;

export function tell(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

// The answer of the function of that name in world.py.
export function ask(name, given = {}) {
  const id = ++last;
  const asked = new Error(); // the line that asked, for who reads the failure
  tell({ id, ask: name, with: given });
  return new Promise((resolve, reject) => open.set(id, { resolve, reject, asked }));
}

export function answered({ id, answer, refused }) {
  const { resolve, reject, asked } = open.get(id);
  open.delete(id);
  if (refused === undefined)
    return resolve(answer);
  asked.message = refused;
  reject(asked);
}
