/** A ZIP file of stored entries (PKWARE APPNOTE 6.3), which `allograph train` reads once unpacked. */

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  for (let bit = 0; bit < 8; bit++) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
  return i;
});
const DATE = 0x21; // 1 January 1980, so that equal collections make equal files

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Of collection/CLASS/0001.png ..., from [{ name, images }] with PNG files in base64. */
export function zipped(classes) {
  const taken = new Set();
  const [files, directory] = [[], []];
  let offset = 0;
  for (const { name, images } of classes) {
    const folder = folderName(name, taken);
    images.forEach((text, index) => {
      const path = new TextEncoder().encode(`collection/${folder}/${String(index + 1).padStart(4, "0")}.png`);
      const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const about = [20, 0x800, 0, 0, DATE, crc32(data), data.length, data.length, path.length, 0];
      const local = record(0x04034b50, [2, 2, 2, 2, 2, 4, 4, 4, 2, 2], about);
      directory.push(
        record(
          0x02014b50,
          [2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4],
          [0x0314, ...about, 0, 0, 0, 0o644 << 16, offset],
        ),
        path,
      );
      files.push(local, path, data);
      offset += local.length + path.length + data.length;
    });
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = directory.length / 2;
  const end = record(0x06054b50, [2, 2, 2, 2, 4, 4, 2], [0, 0, count, count, size, offset, 0]);
  return new Blob([...files, ...directory, end], { type: "application/zip" });
}

function record(signature, lengths, values) {
  const bytes = new Uint8Array(4 + lengths.reduce((sum, length) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  lengths.forEach((length, i) => {
    if (length === 2) view.setUint16(at, values[i], true);
    else view.setUint32(at, values[i] >>> 0, true);
    at += length;
  });
  return bytes;
}

/** A visible name for a folder on every system, not taken yet. */
function folderName(name, taken) {
  const plain = name.replace(/[^\p{L}\p{N}_ .-]+/gu, "-").replace(/^[ .\-_]+|[ .\-_]+$/g, "") || "class";
  let free = plain;
  for (let count = 2; taken.has(free.toLowerCase()); count++) free = `${plain} ${count}`;
  taken.add(free.toLowerCase());
  return free;
}
