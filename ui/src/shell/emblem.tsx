/** The outline of the city, simplified from its OpenStreetMap boundary. */
export function Emblem() {
  return (
    <svg className="emblem" viewBox="0 0 64 34" aria-hidden="true">
      <path d="M2 11.7L13.2 11.7L13.4 9.3L15.1 8L18.8 8.6L18.8 10.2L24.1 6.6L28.6 5.3L33.1 2L34.6 3.6L41.1 3.2L41.2 7L62 7.2L62 14.7L51.2 14.6L50.7 17.1L39.9 17L39.9 14.8L35.6 14.6L35.4 17.1L31.3 17.2L31.3 19.2L28.7 19.4L28.7 12.8L26.1 13.6L23.6 15L23.5 22.8L31.2 22.6L31.2 26.7L26.7 26.7L26.7 24.2L25.5 24.2L25.5 26.7L23.3 26.6L23.4 31.7L9.2 31.8L9 15.2L4.6 13.6Z" />
    </svg>
  )
}
