// Optimises every {data, init} of a JSON file with the WebAssembly build of
// Prophet's Stan model and prints the parameters as JSON.
//   node wasm.mjs FOLDER_WITH_NODE_MODULES FILE
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const entry = `${folder}/node_modules/@bsull/augurs-prophet-wasmstan/prophet-wasmstan.js`;
const { optimizer } = await import(pathToFileURL(entry));
const out = JSON.parse(readFileSync(file, "utf8")).map(({ data, init }) => {
  const json = JSON.stringify({ ...data, s_a: data.s_a.map(Math.round), s_m: data.s_m.map(Math.round) });
  try {
    const { params } = optimizer.optimize(
      { k: init.k, m: init.m, delta: new Float64Array(init.delta), beta: new Float64Array(init.beta), sigmaObs: 1 },
      json,
      { algorithm: "lbfgs", iter: 10000, seed: 1, chain: 1 },
    );
    return { ...params, delta: [...params.delta], beta: [...params.beta], trend: [...params.trend] };
  } catch (e) {
    console.error(String(e).slice(0, 300));
    return null;
  }
});
console.log(JSON.stringify(out));
