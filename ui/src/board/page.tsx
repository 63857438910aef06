import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'

import { linkState } from '../graphql/link-state'
import { useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration } from '../shell/words'
import './board.css'
import { CallList } from './calls'
import { followCameras } from './cameras'
import { DroneList } from './drones'
import { FlightList } from './flights'
import { freshness } from './freshness'
import { LaunchForm } from './launch-form'
import { board, useBoard } from './live'
import type { CityMap } from './map'
import type { Board } from './store'

// The map is the largest part of the page: where it is shown first, it is fetched beside the question who is here.
const early = location.pathname === '/' ? import('./map') : undefined

type Place = { latitude: number; longitude: number }
type Launch = { callNumber: string | undefined; picked: Place | undefined; picking: boolean }

export function BoardPage() {
  const viewer = useViewer()
  const [flight, setFlight] = useState<string>()
  const [call, setCall] = useState<string>()
  const [launch, setLaunch] = useState<Launch>()
  const container = useRef<HTMLDivElement>(null)
  const [map, setMap] = useState<CityMap>()
  const [mapFault, setMapFault] = useState<string>()

  useEffect(() => {
    let view: CityMap | undefined
    let left = false
    ;(early ?? import('./map'))
      .then(({ CityMap }) => {
        if (left || !container.current) return
        view = new CityMap(container.current, board, {
          onFlight: setFlight,
          onCall: setCall,
          onPick: (picked) => setLaunch((open) => open && { ...open, picked, picking: false }),
        })
        setMap(view)
      })
      .catch((error: unknown) => setMapFault(String(error)))
    return () => {
      left = true
      view?.remove()
    }
  }, [])
  const seesCameras = viewer.can('read_cameras')
  useEffect(() => {
    if (map && seesCameras) return followCameras((cameras) => map.showCameras(cameras))
    return undefined
  }, [map, seesCameras])
  useEffect(() => {
    map?.select(flight)
  }, [map, flight])
  useEffect(() => {
    map?.pick(launch?.picking ?? false)
  }, [map, launch?.picking])
  useEffect(() => {
    map?.pin(launch?.picked)
  }, [map, launch?.picked])

  const openLaunch = useCallback(
    (callNumber?: string) => setLaunch({ callNumber, picked: undefined, picking: false }),
    [],
  )
  const closeLaunch = useCallback(() => setLaunch(undefined), [])
  const pick = useCallback((picking: boolean) => setLaunch((open) => open && { ...open, picking }), [])
  const choose = useCallback((picked: Place | undefined) => setLaunch((open) => open && { ...open, picked }), [])
  const requested = useCallback((id: string) => {
    setLaunch(undefined)
    setFlight(id)
  }, [])

  return (
    <main className="board">
      <section className="map" aria-label="Map of West Hollywood">
        <div ref={container} className="canvas" data-testid="map" />
        <Banners />
        {mapFault && (
          <p className="map-fault" role="alert">
            The map could not be drawn ({mapFault}). Everything else works.
          </p>
        )}
        {launch?.picking && (
          <p className="picking-note" role="status">
            Click the map to choose the destination.
          </p>
        )}
        <div className="map-buttons">
          <button type="button" aria-label="Zoom in" onClick={() => map?.zoom(1)}>
            +
          </button>
          <button type="button" aria-label="Zoom out" onClick={() => map?.zoom(-1)}>
            −
          </button>
          <button type="button" aria-label="Show the whole city" title="Whole city" onClick={() => map?.wholeCity()}>
            ⤢
          </button>
        </div>
        <Legend />
        <p className="attribution">
          <a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">
            © OpenStreetMap contributors
          </a>
        </p>
      </section>
      <aside className="panel" aria-label="Flights, calls and drones">
        {launch ? (
          <LaunchForm
            key={launch.callNumber}
            callNumber={launch.callNumber}
            picked={launch.picked}
            picking={launch.picking}
            onPick={pick}
            onChoose={choose}
            onClose={closeLaunch}
            onRequested={requested}
          />
        ) : (
          <>
            <FlightList
              selected={flight}
              onSelect={setFlight}
              onLaunch={viewer.can('request_launch') ? openLaunch : undefined}
            />
            <CallList selected={call} onSelect={setCall} onShow={(place) => map?.show(place)} onLaunch={openLaunch} />
            <DroneList />
          </>
        )}
      </aside>
    </main>
  )
}

const incomplete = (now: Board) => now.incompleteStreams

/** What must not be overlooked: the picture is not of now, or not whole. */
function Banners() {
  useTick()
  const link = useSyncExternalStore(linkState.subscribe, linkState.get)
  const streams = useBoard(incomplete) ?? []
  const received = board.receivedAt()
  const fresh = freshness(link, board.board()?.progress.lag, received, performance.now())
  return (
    <div className="banners">
      {fresh.kind === 'lost' && (
        <div className="banner bad" role="alert" data-testid="not-live">
          <b>Not live.</b>{' '}
          {received === undefined ? 'The board has not come yet.' : `What you see is ${duration(fresh.sinceMs)} old.`}{' '}
          {fresh.retryInMs ? `Trying again in ${duration(fresh.retryInMs + 999)}.` : 'Connecting…'} Return, hold, land
          and abort still work.
        </div>
      )}
      {streams.length > 0 && (
        <div className="banner warn" role="alert" data-testid="incomplete">
          <b>Not the whole picture.</b> Events of {streams.length === 1 ? 'one record' : `${streams.length} records`}{' '}
          could not be applied yet: <code>{streams.slice(0, 4).join(', ')}</code>
          {streams.length > 4 && ` and ${streams.length - 4} more`}.
        </div>
      )}
    </div>
  )
}

function Legend() {
  return (
    <ul className="legend" aria-label="Legend">
      <li>
        <i className="key call" data-priority="1" />
        Call by priority
      </li>
      <li>
        <i className="key drone" />
        Drone
      </li>
      <li>
        <i className="key dock" />
        Dock
      </li>
      <li>
        <i className="key camera" />
        Camera, hollow without picture
      </li>
      <li>
        <i className="key line" />
        City boundary
      </li>
    </ul>
  )
}
