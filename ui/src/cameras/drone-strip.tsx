/** Under the picture of a drone: its own figures, where its camera points, and the orders that bring it home. */
import { useCallback } from 'react'

import { FlightOrders } from '../board/flight-orders'
import { useBoard, useSample } from '../board/live'
import { useOrder } from '../board/orders'
import { OutcomeNote } from '../board/outcome'
import { Readout } from '../board/readout'
import type { Board } from '../board/store'
import { PointCameraDocument } from '../graphql/generated/graphql'
import { useViewer } from '../shell/viewer'

/** Degrees from level; -90 is straight down. */
const PITCHES = [0, -30, -60, -90] as const
const degrees = (pitch: number) => `${Math.round(pitch)}°`.replace('-', '−')

export function DroneStrip({ flight: id }: { flight: string }) {
  const flight = useBoard(useCallback((board: Board) => board.flights.find((each) => each.id === id), [id]))
  if (!flight) return null
  return (
    <div className="drone-strip">
      <Readout drone={flight.droneId} linkLost={flight.linkLost} />
      <div>
        <Gimbal flight={id} drone={flight.droneId} onScene={flight.state === 'on_scene'} />
        <FlightOrders flight={flight} />
      </div>
    </div>
  )
}

type GimbalProps = { flight: string; drone: string; onScene: boolean }

function Gimbal({ flight, drone, onScene }: GimbalProps) {
  const viewer = useViewer()
  const pitch = useSample(drone)?.telemetry.cameraPitchDeg
  const { sending, outcome, send } = useOrder(PointCameraDocument)
  if (!viewer.can('point_camera')) return null
  return (
    <div className="order-row gimbal" role="group" aria-label="Where the camera points">
      <span className="quiet">Camera {pitch == null ? '' : degrees(pitch)}</span>
      {PITCHES.map((each) => (
        <button
          key={each}
          type="button"
          className="button"
          aria-busy={sending}
          // In transit the camera stays level.
          disabled={each !== 0 && !onScene}
          onClick={() => void send({ flight, pitch: each })}
        >
          {each === 0 ? 'Level' : each === -90 ? 'Straight down' : degrees(each)}
        </button>
      ))}
      {!onScene && <span className="quiet">It stays level until the drone is on scene.</span>}
      {outcome && <OutcomeNote outcome={outcome} done="Camera turned" />}
    </div>
  )
}
