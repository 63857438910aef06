import { memo, useCallback, useEffect, useRef } from 'react'
import { Link } from 'wouter'

import { addressOf } from '../cameras/wall'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, timeOfDay, words } from '../shell/words'
import { FlightOrders } from './flight-orders'
import { useBoard } from './live'
import { Reasons } from './outcome'
import { Readout } from './readout'
import type { Board, Flight } from './store'
import { isOver, mayBeAirborne, timeline } from './timeline'

const RANK: Record<string, number> = {
  aborted: 0,
  landing: 1,
  holding: 1,
  returning: 1,
  on_scene: 1,
  en_route: 1,
  authorised: 2,
  requested: 3,
}

/** Airborne first, then what waits for someone, then what is over; newest first within each. */
function order(a: Flight, b: Flight): number {
  const rank = (flight: Flight) => (isOver(flight) ? 9 : (RANK[flight.state] ?? 5))
  return rank(a) - rank(b) || b.requestedAt.localeCompare(a.requestedAt)
}

const flightIds = (board: Board) => [...board.flights].sort(order).map((flight) => flight.id)

type Props = {
  selected: string | undefined
  onSelect: (id: string | undefined) => void
  /** Undefined for who may not request one. */
  onLaunch: (() => void) | undefined
}

export function FlightList({ selected, onSelect, onLaunch }: Props) {
  const ids = useBoard(flightIds)
  return (
    <section className="block" aria-labelledby="flights-title">
      <div className="block-head">
        <h2 id="flights-title">Flights {ids && <span className="tally">{ids.length}</span>}</h2>
        {onLaunch && (
          <button type="button" className="button primary" onClick={() => onLaunch()}>
            Request launch
          </button>
        )}
      </div>
      {ids === undefined && (
        <p className="empty" aria-busy="true">
          Waiting for the board…
        </p>
      )}
      {ids?.length === 0 && <p className="empty">Nothing is flying, and nothing has landed in the last hour.</p>}
      {ids?.map((id) => (
        <FlightCard key={id} id={id} open={id === selected} onSelect={onSelect} />
      ))}
    </section>
  )
}

const FlightCard = memo(function FlightCard({
  id,
  open,
  onSelect,
}: {
  id: string
  open: boolean
  onSelect: Props['onSelect']
}) {
  const flight = useBoard(useCallback((board: Board) => board.flights.find((each) => each.id === id), [id]))
  const registration = useBoard(
    useCallback(
      (board: Board) => {
        const drone = board.flights.find((each) => each.id === id)?.droneId
        return board.drones.find((each) => each.id === drone)?.registration ?? drone
      },
      [id],
    ),
  )
  const card = useRef<HTMLElement>(null)
  useEffect(() => {
    if (open) card.current?.scrollIntoView({ block: 'nearest' })
  }, [open])
  if (!flight) return null
  const over = isOver(flight)
  return (
    <article
      ref={card}
      className={`card flight ${flight.state} ${open ? 'open' : ''} ${over ? 'over' : ''}`}
      data-flight={id}
      data-state={flight.state}
    >
      <button type="button" className="card-head" aria-expanded={open} onClick={() => onSelect(open ? undefined : id)}>
        <span className={`state ${flight.state}`}>{words(flight.state)}</span>
        <span className="title">{words(flight.purpose)}</span>
        <span className="registration">{registration}</span>
        {over ? (
          <time className="elapsed" dateTime={flight.landedAt ?? flight.requestedAt}>
            {timeOfDay(flight.landedAt ?? flight.requestedAt)}
          </time>
        ) : (
          <Elapsed since={flight.launchedAt ?? flight.requestedAt} />
        )}
      </button>
      {(open || !over) && <Timeline flight={flight} />}
      <dl className="facts">
        <Fact name="Call">{flight.callNumber}</Fact>
        <Fact name="Case">{flight.caseNumber}</Fact>
        <Fact name="Pilot">{flight.pilot.name}</Fact>
        <Fact name="Requested by">{flight.requestedBy.name}</Fact>
        {over && (
          <Fact name="Greatest height">{flight.maxAglM === null ? null : `${Math.round(flight.maxAglM)} m AGL`}</Fact>
        )}
      </dl>
      {flight.reasons.length > 0 && (open || !over) && <Reasons reasons={flight.reasons} />}
      {!over && flight.launchedAt !== null && <Readout drone={flight.droneId} linkLost={flight.linkLost} />}
      {mayBeAirborne(flight) && <WatchLink flight={flight} />}
      {!over && <FlightOrders flight={flight} />}
    </article>
  )
})

/** The picture of a flight is the watch's to ask for, and its pilot's. */
function WatchLink({ flight }: { flight: Flight }) {
  const viewer = useViewer()
  if (!viewer.can('request_live_view')) return null
  if (!viewer.can('request_viewing') && flight.pilot.id !== viewer.id) return null
  return (
    <div className="order-row watch-link">
      <Link className="button wide" href={addressOf(`flight-${flight.id}`, flight.callNumber)}>
        Watch its picture…
      </Link>
    </div>
  )
}

function Fact({ name, children }: { name: string; children: string | null }) {
  if (children === null) return null
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Elapsed({ since }: { since: string }) {
  useTick()
  return <span className="elapsed">{duration(serverNow() - Date.parse(since))}</span>
}

function Timeline({ flight }: { flight: Flight }) {
  return (
    <ol className="timeline" aria-label="Progress">
      {timeline(flight).map((step) => (
        <li key={step.name} className={step.state} aria-current={step.state === 'now' ? 'step' : undefined}>
          <span className="step">{step.name}</span>
          {step.at ? (
            <time dateTime={step.at}>{timeOfDay(step.at)}</time>
          ) : (
            <span className="time">{step.state === 'ended' ? '' : '–'}</span>
          )}
        </li>
      ))}
    </ol>
  )
}
