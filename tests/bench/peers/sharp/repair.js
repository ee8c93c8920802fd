// What an upload is, with sharp: upright, fitted into 1080 x 1920, in sRGB and on white, as JPEG without metadata. As many at a time as
// there are processors, one thread each, as our image service has. Prints the seconds and the CPU milliseconds of all.
//
//    node repair.js FILE N
import os from "node:os";
import fs from "node:fs";
import sharp from "sharp";

const [file, times] = process.argv.slice(2);
const data = fs.readFileSync(file);
sharp.concurrency(1);
sharp.cache(false);

const repair = () => sharp(data).rotate().resize(1080, 1920, { fit: "inside", withoutEnlargement: true })
  .flatten({ background: "#ffffff" }).toColourspace("srgb").jpeg({ quality: 90, optimiseCoding: true }).toBuffer();

await repair();
let left = Number(times);
const since = process.hrtime.bigint(), cpu = process.cpuUsage();
await Promise.all(os.cpus().map(async () => {
  while (left-- > 0) {
    await repair();
  }
}));
const used = process.cpuUsage(cpu);
console.log((Number(process.hrtime.bigint() - since) / 1e9).toFixed(3), ((used.user + used.system) / 1000).toFixed(1));
