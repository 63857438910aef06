import { useTick } from '../shell/clock'
import { duration, words } from '../shell/words'
import { STALE_AFTER } from './freshness'
import { board, useBoard, useSample } from './live'
import type { Board, Drone } from './store'

const drones = (now: Board) => now.drones
const docks = (now: Board) => now.docks

export function DroneList() {
  const all = useBoard(drones)
  const places = useBoard(docks)
  return (
    <section className="block" aria-labelledby="drones-title">
      <h2 id="drones-title">Drones {all && <span className="tally">{all.length}</span>}</h2>
      {all?.length === 0 && <p className="empty">No drone is registered.</p>}
      {all?.map((drone) => (
        <DroneRow
          key={drone.id}
          drone={drone}
          dock={places?.find((dock) => dock.id === drone.dockId)?.name ?? drone.dockId}
        />
      ))}
    </section>
  )
}

const GOOD = new Set(['ready', 'flying', 'assigned'])

function DroneRow({ drone, dock }: { drone: Drone; dock: string }) {
  useTick()
  const sample = useSample(drone.id)
  const age = board.age(drone.id)
  const heard = age === undefined ? 'never heard' : age > STALE_AFTER ? `heard ${duration(age)} ago` : 'heard now'
  return (
    <article className="card drone" data-drone={drone.id}>
      <div className="card-head">
        <span className={GOOD.has(drone.status) ? 'chip good' : 'chip warn'}>{words(drone.status)}</span>
        <span className="title">{drone.registration}</span>
        <span className="quiet">{dock}</span>
        <span className="elapsed">
          {sample?.telemetry.batteryPercent != null && `${sample.telemetry.batteryPercent.toFixed(0)} % · `}
          {heard}
        </span>
      </div>
    </article>
  )
}
