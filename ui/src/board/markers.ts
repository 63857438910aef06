/** What stands on the map: elements with names and shapes, so that nothing is told by colour alone. */
import { type Map as MapView, Marker } from 'maplibre-gl'

import { duration, words } from '../shell/words'
import { type Camera, described } from './cameras'
import type { Pose } from './motion'
import type { Call, Dock, Drone, Telemetry } from './store'

function element(tag: 'button' | 'div', className: string, label: string): HTMLElement {
  const made = document.createElement(tag)
  made.className = className
  made.setAttribute('aria-label', label)
  if (tag === 'button') made.setAttribute('type', 'button')
  else made.setAttribute('role', 'img')
  return made
}

function part(parent: HTMLElement, className: string, text = ''): HTMLElement {
  const made = document.createElement('span')
  made.className = className
  made.textContent = text
  parent.append(made)
  return made
}

/** A call: a diamond with its priority. */
export function callMarker(call: Call, open: () => void): Marker {
  const made = element('button', 'call-mark', `Call ${call.number}, ${words(call.callType)}, priority ${call.priority}`)
  made.dataset['priority'] = String(call.priority)
  made.dataset['call'] = call.number
  made.title = `${words(call.callType)} · ${call.number}`
  part(made, 'shape')
  part(made, 'digit', String(call.priority))
  made.addEventListener('click', (event) => {
    event.stopPropagation()
    open()
  })
  return new Marker({ element: made })
}

export function dockMarker(dock: Dock): Marker {
  const made = element('div', 'dock-mark', `Dock ${dock.name}`)
  made.title = dock.name
  part(made, 'pad', 'D')
  return new Marker({ element: made })
}

/** A camera: it points to where it looks, and is hollow while no picture comes in. */
export function cameraMarker(camera: Camera): Marker {
  const made = element('div', 'camera-mark', described(camera))
  made.dataset['camera'] = camera.id
  made.dataset['health'] = camera.health
  made.title = described(camera)
  part(made, 'wedge').style.transform = `rotate(${camera.bearingDeg.toFixed(0)}deg)`
  return new Marker({ element: made })
}

export function pinMarker(): Marker {
  const made = element('div', 'pin-mark', 'Chosen place')
  return new Marker({ element: made })
}

const svg = 'http://www.w3.org/2000/svg'

/** A drone: an arrow that points where it heads, its registration and its height above ground. */
export class DroneMarker {
  readonly #marker: Marker
  readonly #element: HTMLElement
  readonly #arrow: SVGSVGElement
  readonly #height: HTMLElement

  constructor(drone: Drone, open: () => void) {
    this.#element = element('button', 'drone-mark', `Drone ${drone.registration}`)
    this.#element.dataset['drone'] = drone.id
    this.#arrow = document.createElementNS(svg, 'svg')
    this.#arrow.setAttribute('viewBox', '-20 -20 40 40')
    for (const className of ['halo', 'arrow']) {
      const path = document.createElementNS(svg, 'path')
      path.setAttribute('d', 'M0 -15 L10 11 L0 5 L-10 11 Z')
      path.setAttribute('class', className)
      this.#arrow.append(path)
    }
    this.#element.append(this.#arrow)
    const plate = part(this.#element, 'plate')
    part(plate, 'registration', drone.registration)
    this.#height = part(plate, 'height')
    this.#element.addEventListener('click', (event) => {
      event.stopPropagation()
      open()
    })
    this.#marker = new Marker({ element: this.#element, subpixelPositioning: true })
  }

  place(pose: Pose): this {
    this.#marker.setLngLat([pose.longitude, pose.latitude])
    this.#element.dataset['heading'] = pose.headingDeg.toFixed(0)
    this.#arrow.style.transform = `rotate(${pose.headingDeg.toFixed(1)}deg)`
    return this
  }

  addTo(view: MapView): void {
    this.#marker.addTo(view)
  }

  say(telemetry: Telemetry): void {
    this.#element.classList.toggle('lost', telemetry.link === 'lost')
    this.#element.classList.toggle('unauthenticated', !telemetry.authenticated)
    if (!this.#element.classList.contains('silent')) this.#height.textContent = `${Math.round(telemetry.aglM)} m`
  }

  /** `age` in milliseconds since it was heard, or undefined while it is. */
  silent(age: number | undefined): void {
    this.#element.classList.toggle('silent', age !== undefined)
    if (age !== undefined) this.#height.textContent = `${duration(age)} old`
  }

  select(on: boolean): void {
    this.#element.classList.toggle('selected', on)
  }

  remove(): void {
    this.#marker.remove()
  }
}
