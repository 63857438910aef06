/**
 * The city's map with what happens on it. It reads the board's store itself and draws by hand, outside of React:
 * ten samples a second for each drone must not become ten renderings of a tree.
 */
import 'maplibre-gl/dist/maplibre-gl.css'

import type { Feature, FeatureCollection, LineString } from 'geojson'
import { type GeoJSONSource, Map as MapView, Marker, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'

import { type Camera, described, fieldsOfView } from './cameras'
import { STALE_AFTER } from './freshness'
import { callMarker, cameraMarker, dockMarker, DroneMarker, pinMarker } from './markers'
import { type Leg, metres, nextLeg, poseAt } from './motion'
import type { Board, BoardStore, Flight, Sample } from './store'
import { joined, type Street } from './streets'
import { CITY, EXTENT, flightLayers, FONT, later, STREETS, style, viewLayer } from './style'
import { isOver } from './timeline'

setWorkerUrl(workerUrl)

type Point = [number, number]
type Flown = { marker: DroneMarker; leg: Leg; track: Point[]; flightId: string | null }

export type MapEvents = {
  onFlight: (id: string) => void
  onCall: (number: string) => void
  onPick: (place: { latitude: number; longitude: number }) => void
}

const TRACK_STEP_M = 4
const TRACK_LENGTH = 1_500
const LINES_EVERY_MS = 400
const LATER_MS = 300

export class CityMap {
  readonly #view: MapView
  readonly #store: BoardStore
  readonly #events: MapEvents
  readonly #flown = new Map<string, Flown>()
  readonly #calls = new Map<string, Marker>()
  readonly #docks = new Map<string, Marker>()
  readonly #cameras = new Map<string, Marker>()
  #seen: readonly Camera[] = []
  #pin: Marker | undefined
  #selected: string | undefined
  #picking = false
  #frame: number | undefined
  #linesDrawnAt = 0
  #removed = false
  readonly #leave: (() => void)[]

  constructor(container: HTMLElement, store: BoardStore, events: MapEvents) {
    this.#store = store
    this.#events = events
    this.#view = new MapView({
      container,
      style,
      bounds: CITY,
      fitBoundsOptions: { padding: 36 },
      minZoom: 12,
      maxZoom: 18.5,
      maxBounds: [EXTENT[0] - 0.03, EXTENT[1] - 0.02, EXTENT[2] + 0.03, EXTENT[3] + 0.02],
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      fadeDuration: 120,
    })
    this.#view.touchZoomRotate.disableRotation()
    this.#view.on('load', () => void this.#complete())
    this.#view.on('click', (click) => {
      if (this.#picking) this.#events.onPick({ latitude: click.lngLat.lat, longitude: click.lngLat.lng })
    })
    const silence = setInterval(() => this.#markSilence(), 500)
    this.#leave = [
      store.subscribe(() => this.#drawBoard()),
      store.subscribeTelemetry((drone, sample) => this.#hear(drone, sample)),
      () => clearInterval(silence),
    ]
    this.#drawBoard()
  }

  /** Shows one flight's line to its destination. */
  select(flight: string | undefined): void {
    this.#selected = flight
    for (const [, { marker, flightId }] of this.#flown) marker.select(flightId !== null && flightId === flight)
    this.#drawLines(true)
  }

  /** Lets the next clicks choose a place. */
  pick(on: boolean): void {
    this.#picking = on
    this.#view.getCanvas().classList.toggle('picking', on)
  }

  pin(place: { latitude: number; longitude: number } | undefined): void {
    if (!place) {
      this.#pin?.remove()
      this.#pin = undefined
      return
    }
    this.#pin ??= pinMarker().setLngLat([place.longitude, place.latitude]).addTo(this.#view)
    this.#pin.setLngLat([place.longitude, place.latitude])
  }

  showCameras(cameras: readonly Camera[]): void {
    this.#seen = cameras
    for (const [id, marker] of this.#cameras) {
      if (cameras.some((camera) => camera.id === id)) continue
      marker.remove()
      this.#cameras.delete(id)
    }
    for (const camera of cameras) {
      const at: Point = [camera.place.longitude, camera.place.latitude]
      const known = this.#cameras.get(camera.id)
      const shown = `${described(camera)} ${camera.bearingDeg} ${at.join(' ')}`
      if (known?.getElement().dataset['shown'] === shown) continue
      known?.remove()
      const marker = cameraMarker(camera).setLngLat(at).addTo(this.#view)
      marker.getElement().dataset['shown'] = shown
      this.#cameras.set(camera.id, marker)
    }
    this.#view.getSource<GeoJSONSource>('views')?.setData(fieldsOfView(cameras))
  }

  zoom(steps: number): void {
    this.#view.easeTo({ zoom: this.#view.getZoom() + steps, duration: 200 })
  }

  wholeCity(): void {
    this.#view.fitBounds(CITY, { padding: 36, duration: 400 })
  }

  show(place: { latitude: number; longitude: number }): void {
    this.#view.easeTo({
      center: [place.longitude, place.latitude],
      zoom: Math.max(this.#view.getZoom(), 15),
      duration: 500,
    })
  }

  /** What a keyboard can choose: it moves the map, not a pointer. */
  middle(): { latitude: number; longitude: number } {
    const { lat, lng } = this.#view.getCenter()
    return { latitude: lat, longitude: lng }
  }

  remove(): void {
    this.#removed = true
    for (const leave of this.#leave) leave()
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#view.remove()
  }

  async #complete(): Promise<void> {
    const empty = { type: 'FeatureCollection' as const, features: [] }
    this.#view.addSource('views', { type: 'geojson', data: fieldsOfView(this.#seen) })
    this.#view.addLayer(viewLayer)
    this.#view.addSource('aims', { type: 'geojson', data: empty })
    this.#view.addSource('tracks', { type: 'geojson', data: empty, lineMetrics: true })
    for (const layer of flightLayers) this.#view.addLayer(layer)
    this.#drawLines(true)
    this.#view.getContainer().dataset['ready'] = 'yes'
    // Names are drawn with the page's own font: it must be there before its glyphs are. Both can wait for the first
    // picture, and must not wait for a still one: a map with a drone on it is never still.
    await Promise.all([document.fonts.load(`500 16px "${FONT}"`), new Promise((next) => setTimeout(next, LATER_MS))])
    if (this.#removed) return
    const streets = (await (await fetch(STREETS)).json()) as FeatureCollection<LineString, Street>
    if (this.#removed) return
    const named = joined(streets.features.filter((street) => street.properties.class === 'major'))
    // Cut into tiles of few streets each, a street would lose its name at their edges: one large tile has them whole.
    this.#view.addSource('names', { type: 'geojson', data: named, maxzoom: 11, tolerance: 0.1 })
    for (const { source, layer, before } of later) {
      if (source) this.#view.addSource(source[0], { type: 'geojson', data: source[1] })
      this.#view.addLayer(layer, before ?? 'aims')
    }
  }

  #drawBoard(): void {
    const board = this.#store.board()
    if (!board) return
    this.#drawCalls(board)
    this.#drawDocks(board)
    for (const drone of board.drones) {
      const sample = this.#store.sample(drone.id)
      if (sample) this.#hear(drone.id, sample)
    }
    for (const id of this.#flown.keys()) if (!board.drones.some((drone) => drone.id === id)) this.#forget(id)
    this.#drawLines(true)
  }

  #drawCalls(board: Board): void {
    const open = board.calls.filter((call) => call.state === 'open')
    for (const [number, marker] of this.#calls) {
      if (open.some((call) => call.number === number)) continue
      marker.remove()
      this.#calls.delete(number)
    }
    for (const call of open) {
      const at: Point = [call.place.longitude, call.place.latitude]
      const known = this.#calls.get(call.number)
      if (known?.getElement().dataset['priority'] === String(call.priority)) {
        known.setLngLat(at)
        continue
      }
      known?.remove()
      const marker = callMarker(call, () => this.#events.onCall(call.number))
      this.#calls.set(call.number, marker.setLngLat(at).addTo(this.#view))
    }
  }

  #drawDocks(board: Board): void {
    for (const dock of board.docks) {
      const ready = board.drones.some((drone) => drone.dockId === dock.id && drone.status === 'ready')
      const known =
        this.#docks.get(dock.id) ??
        dockMarker(dock).setLngLat([dock.place.longitude, dock.place.latitude]).addTo(this.#view)
      known.setLngLat([dock.place.longitude, dock.place.latitude])
      known.getElement().classList.toggle('ready', ready)
      this.#docks.set(dock.id, known)
    }
  }

  #hear(id: string, sample: Sample): void {
    const drone = this.#store.board()?.drones.find((each) => each.id === id)
    // In its dock a drone is part of the dock; the map shows what is armed or on a job.
    if (!drone || !(sample.telemetry.armed || drone.status === 'flying')) return this.#forget(id)
    const { place, headingDeg } = sample.telemetry
    const known = this.#flown.get(id)
    const to = {
      longitude: place.longitude,
      latitude: place.latitude,
      headingDeg: headingDeg ?? known?.leg.to.headingDeg ?? 0,
    }
    const flown: Flown = known ?? {
      marker: new DroneMarker(drone, () => this.#openFlightOf(id)),
      leg: nextLeg(undefined, to, performance.now()),
      track: [],
      flightId: drone.flightId,
    }
    if (!known) {
      this.#flown.set(id, flown)
      flown.marker.place(flown.leg.to).addTo(this.#view)
    } else if (
      known.leg.to.longitude !== to.longitude ||
      known.leg.to.latitude !== to.latitude ||
      known.leg.to.headingDeg !== to.headingDeg
    ) {
      flown.leg = nextLeg(known.leg, to, performance.now())
    }
    if (flown.flightId !== drone.flightId) {
      flown.flightId = drone.flightId
      flown.track = []
    }
    const last = flown.track.at(-1)
    if (!last || metres({ longitude: last[0], latitude: last[1] }, to) >= TRACK_STEP_M) {
      flown.track.push([to.longitude, to.latitude])
      if (flown.track.length > TRACK_LENGTH) flown.track.splice(0, flown.track.length - TRACK_LENGTH)
    }
    flown.marker.say(sample.telemetry)
    flown.marker.select(flown.flightId !== null && flown.flightId === this.#selected)
    this.#frame ??= requestAnimationFrame((now) => this.#animate(now))
  }

  #openFlightOf(id: string): void {
    const flight = this.#flown.get(id)?.flightId
    if (flight) this.#events.onFlight(flight)
  }

  #forget(id: string): void {
    this.#flown.get(id)?.marker.remove()
    this.#flown.delete(id)
  }

  #animate(now: number): void {
    let moving = false
    for (const { marker, leg } of this.#flown.values()) {
      marker.place(poseAt(leg, now))
      moving ||= now < leg.startedAt + leg.lengthMs
    }
    this.#drawLines(false)
    this.#frame = moving ? requestAnimationFrame((next) => this.#animate(next)) : undefined
  }

  #drawLines(atOnce: boolean): void {
    const now = performance.now()
    if (!atOnce && now - this.#linesDrawnAt < LINES_EVERY_MS) return
    this.#linesDrawnAt = now
    const tracks = [...this.#flown.values()].filter(({ track }) => track.length > 1).map(({ track }) => line(track))
    this.#view.getSource<GeoJSONSource>('tracks')?.setData({ type: 'FeatureCollection', features: tracks })
    const flights = this.#store.board()?.flights ?? []
    const aims = flights.filter((flight) => this.#showsAim(flight)).map((flight) => this.#aim(flight))
    this.#view.getSource<GeoJSONSource>('aims')?.setData({ type: 'FeatureCollection', features: aims })
  }

  #showsAim(flight: Flight): boolean {
    if (isOver(flight)) return false
    return flight.id === this.#selected || ['requested', 'authorised', 'en_route'].includes(flight.state)
  }

  #aim(flight: Flight): Feature<LineString> {
    const flown = this.#flown.get(flight.droneId)
    const dock = this.#store.board()?.docks.find((each) => each.id === flight.dockId)
    const start: Point | undefined = flown
      ? [flown.leg.to.longitude, flown.leg.to.latitude]
      : dock && [dock.place.longitude, dock.place.latitude]
    const end: Point = [flight.destination.longitude, flight.destination.latitude]
    return line([start ?? end, end])
  }

  #markSilence(): void {
    for (const [id, { marker }] of this.#flown) {
      const age = this.#store.age(id)
      marker.silent(age !== undefined && age > STALE_AFTER ? age : undefined)
    }
  }
}

function line(points: Point[]): Feature<LineString> {
  return { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: points } }
}
