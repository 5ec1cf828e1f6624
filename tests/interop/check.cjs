// What onnxruntime computes from the ONNX files of a folder, beside what is expected.
//
//   node check.cjs MODULES FOLDER TOLERANCE
//
// MODULES holds node_modules with onnxruntime-node; FOLDER, of every case, NAME.onnx and NAME.json with samples, inputs
// and outputs: {name: {width, numbers}}, row after row; inputs of images also have their shape. Errors are |y − expected| / |expected| of an output of a case.
const fs = require('fs');
const path = require('path');

const [modules, folder, tolerance] = process.argv.slice(2);
const ort = require(require.resolve('onnxruntime-node', { paths: [modules] }));

function relative(found, expected) {
  let difference = 0, length = 0;
  for (let i = 0; i < expected.length; ++i) {
    difference += (found[i] - expected[i]) ** 2;
    length += expected[i] ** 2;
  }
  if (found.length !== expected.length) return NaN;
  return length > 0 ? Math.sqrt(difference / length) : Math.sqrt(difference);
}

async function check(name) {
  const expected = JSON.parse(fs.readFileSync(path.join(folder, name + '.json')));
  const session = await ort.InferenceSession.create(path.join(folder, name + '.onnx'), { logSeverityLevel: 3 });
  const feeds = {};
  for (const [input, { width, shape = [width], numbers }] of Object.entries(expected.inputs)) {
    feeds[input] = new ort.Tensor('float32', Float32Array.from(numbers), [expected.samples, ...shape]);
  }
  const outputs = await session.run(feeds);
  let worst = 0;
  for (const [output, { width, numbers }] of Object.entries(expected.outputs)) {
    const { dims, data } = outputs[output];
    const error = dims[0] === expected.samples && dims[1] === width ? relative(data, numbers) : NaN;
    if (!(error <= worst)) worst = error;  // a NaN stays
  }
  return worst;
}

(async () => {
  const names = fs.readdirSync(folder).filter((file) => file.endsWith('.onnx')).map((file) => file.slice(0, -5)).sort();
  let failed = 0, worst = { error: 0, name: '' };
  for (const name of names) {
    const error = await check(name).catch((reason) => (console.log(`${name}: ${reason.message}`), NaN));
    if (!(error <= Number(tolerance))) {
      console.log(`${name}: error ${error}, needs at most ${tolerance}`);
      ++failed;
    }
    if (!(error <= worst.error)) worst = { error, name };
  }
  console.log(`onnxruntime: ${names.length} networks, ${failed} failed, largest error ${worst.error.toExponential(2)} (${worst.name})`);
  process.exit(failed > 0 || names.length === 0 ? 1 : 0);
})();
