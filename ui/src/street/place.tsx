/** The city's map with one place on it, which may be moved. */
import { useEffect, useRef, useState } from 'react'

import type { CityMap } from '../board/map'
import { BoardStore } from '../board/store'

export type Place = { latitude: number; longitude: number }

/** `onPick`: may the place be moved, then where to. */
export function PlaceMap({
  place,
  onPick,
}: {
  place: Place | undefined
  onPick: ((place: Place) => void) | undefined
}) {
  const container = useRef<HTMLDivElement>(null)
  const [map, setMap] = useState<CityMap>()
  const [fault, setFault] = useState<string>()
  const pick = useRef(onPick)
  useEffect(() => {
    pick.current = onPick
  }, [onPick])

  useEffect(() => {
    let view: CityMap | undefined
    let left = false
    import('../board/map')
      .then(({ CityMap }) => {
        if (left || !container.current) return
        // A board that is told nothing: here the map shows the city and the place alone.
        view = new CityMap(container.current, new BoardStore(), {
          onFlight: () => undefined,
          onCall: () => undefined,
          onPick: (picked) => pick.current?.(picked),
        })
        setMap(view)
      })
      .catch((error: unknown) => setFault(String(error)))
    return () => {
      left = true
      view?.remove()
    }
  }, [])
  const pickable = onPick !== undefined
  useEffect(() => map?.pick(pickable), [map, pickable])
  useEffect(() => {
    map?.pin(place)
    if (place) map?.show(place)
  }, [map, place])

  return (
    <div className="map">
      <div ref={container} className="canvas" data-testid="place-map" />
      {fault && (
        <p className="map-fault" role="alert">
          The map could not be drawn ({fault}). Everything else works.
        </p>
      )}
      <div className="map-buttons">
        <button type="button" aria-label="Zoom in" onClick={() => map?.zoom(1)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => map?.zoom(-1)}>
          −
        </button>
        {pickable && (
          <button
            type="button"
            aria-label="Choose the middle of the map"
            title="Choose the middle of the map"
            onClick={() => map && onPick(map.middle())}
          >
            •
          </button>
        )}
      </div>
      <p className="attribution">
        <a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">
          © OpenStreetMap contributors
        </a>
      </p>
    </div>
  )
}
