// The standard step `text-features`, written in TypeScript: it passes the same cases as the one in Rust.

import { integer, text, transform } from "stillbox";

import { crc32 } from "./crc32.js";

interface Row {
  text: string;
}

const encoder = new TextEncoder();

export default transform(
  {
    summary: "Counts the words and bytes of texts, and hashes their word trigrams.",
    parameters: { column: text({ doc: "The column with the texts." }) },
    input: { text: text({ from: "column" }) },
    output: { n_words: integer(), n_bytes: integer(), tri_hash: integer() },
  },
  (row: Row) => {
    const words: string[] = row.text.split(" ");
    const hashes = words.slice(2).map((word, index) => crc32(encoder.encode(`${words[index]} ${words[index + 1]} ${word}`)));
    const bytes = encoder.encode(row.text);
    return {
      n_words: words.length,
      n_bytes: bytes.length,
      tri_hash: hashes.length === 0 ? crc32(bytes) : Math.min(...hashes),
    };
  },
);
