/** Text whose parts between backticks are code: names in messages stand apart from the sentence. */
export function Ticked({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}
