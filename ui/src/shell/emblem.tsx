/** A drone in the ring of its record, which is open where the next event goes. */
export function Emblem() {
  return (
    <svg className="emblem" viewBox="0 0 32 32" aria-hidden="true">
      <path className="ring" d="M22.6 4.8A13 13 0 1 0 28.4 12" />
      <path d="M16 7.5L22.6 23L16 19.3L9.4 23Z" transform="rotate(45 16 16)" />
    </svg>
  )
}
