import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'

import { faultsOf, Field, isAccepted, OrderForm } from '../forms/field'
import { AuthorityFields, PolicyNote, PurposeField, useGrounds } from '../forms/grounds'
import { RequestLaunchDocument, type RequestLaunchInput } from '../graphql/generated/graphql'
import { useViewer } from '../shell/viewer'
import { words } from '../shell/words'
import { type Conditions, GoNoGo, NOT_ASKED, said } from './go-no-go'
import { useBoard } from './live'
import { useOrder } from './orders'
import { judgeReason } from './reason'
import type { Board } from './store'

type Place = { latitude: number; longitude: number }

type Props = {
  callNumber: string | undefined
  picked: Place | undefined
  picking: boolean
  onPick: (picking: boolean) => void
  onChoose: (place: Place | undefined) => void
  onClose: () => void
  onRequested: (flight: string) => void
}

const readyFirst = (board: Board) =>
  [...board.drones].sort((a, b) => Number(b.status === 'ready') - Number(a.status === 'ready'))
const openCalls = (board: Board) => board.calls.filter((call) => call.state === 'open')
const pilots = (board: Board) => [...new Map(board.flights.map((flight) => [flight.pilot.id, flight.pilot])).values()]

/** The form beside the map, so that the map stays free to choose a destination on. */
export function LaunchForm({ callNumber, picked, picking, onPick, onChoose, onClose, onRequested }: Props) {
  const viewer = useViewer()
  const drones = useBoard(readyFirst) ?? []
  const calls = useBoard(openCalls) ?? []
  const known = useBoard(pilots) ?? []
  const grounds = useGrounds({ call: callNumber ?? '' })
  const { stated, set, rule } = grounds
  const [drone, setDrone] = useState('')
  const [pilot, setPilot] = useState(viewer.roles.includes('remote_pilot') ? viewer.id : '')
  const [cruise, setCruise] = useState('60')
  const [conditions, setConditions] = useState<Conditions>(NOT_ASKED)
  const order = useOrder(RequestLaunchDocument)
  const title = useRef<HTMLHeadingElement>(null)
  const suggestions = useId()
  useEffect(() => title.current?.focus(), [])

  const place = picked ?? calls.find((each) => each.number === stated.call)?.place
  const chosenDrone = drone || (drones[0]?.id ?? '')
  const judged = judgeReason(stated.reason)
  const agl = Number(cruise)
  const missing = [
    !chosenDrone && 'a drone',
    ...grounds.missing,
    !place && 'a destination',
    !pilot.trim() && 'a pilot',
    !(Number.isFinite(agl) && agl > 0) && 'a cruise height',
    !judged.good && 'a reason',
  ]

  const send = async () => {
    if (!place) return
    const { input: why } = grounds
    const input: RequestLaunchInput = {
      drone: chosenDrone,
      pilot: pilot.trim() || null,
      purpose: why.purpose,
      callNumber: why.callNumber ?? null,
      caseNumber: why.caseNumber ?? null,
      authorisation: why.authorisation ?? null,
      destination: { latitude: place.latitude, longitude: place.longitude },
      cruiseAglM: agl,
      reason: why.reason,
      ...said(conditions, pilot === viewer.id),
    }
    const answer = await order.send({ input })
    if (isAccepted(answer)) onRequested(answer.id)
  }
  const faults = faultsOf(order.outcome)

  return (
    <div
      className="launch"
      role="dialog"
      aria-labelledby="launch-title"
      onKeyDown={(event: KeyboardEvent) => event.key === 'Escape' && onClose()}
    >
      <header>
        <h2 id="launch-title" ref={title} tabIndex={-1}>
          Request launch
        </h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <OrderForm
        label="Request launch"
        order={order}
        done="Launch requested"
        verb="Request launch"
        missing={missing}
        onSend={send}
      >
        <PolicyNote policy={grounds.policy} impossible="no launch can be requested" />
        <PurposeField
          grounds={grounds}
          faults={faults}
          hint={rule?.needsCommander ? 'Waits for the station commander’s authorisation.' : undefined}
        />
        <AuthorityFields grounds={grounds} faults={faults} />
        <div className="pair">
          <Field
            label="Drone"
            fault={faults('drone')}
            hint={drones.length === 0 ? 'No drone is registered.' : undefined}
          >
            {(id) => (
              <select id={id} value={chosenDrone} onChange={(event) => setDrone(event.target.value)}>
                {drones.map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.status === 'ready'
                      ? each.registration
                      : `${each.registration} (${words(each.status).toLowerCase()})`}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Cruise height, m AGL" fault={faults('cruise_agl_m', 'cruiseAglM')}>
            {(id) => (
              <input
                id={id}
                value={cruise}
                onChange={(event) => setCruise(event.target.value)}
                inputMode="decimal"
                autoComplete="off"
              />
            )}
          </Field>
        </div>
        <Field
          label="Pilot (RPIC)"
          fault={faults('pilot')}
          hint={pilot === viewer.id ? 'You.' : 'Person id of the remote pilot in command.'}
        >
          {(id) => (
            <input
              id={id}
              value={pilot}
              onChange={(event) => setPilot(event.target.value)}
              list={suggestions}
              autoComplete="off"
            />
          )}
        </Field>
        <datalist id={suggestions}>
          {known.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </datalist>
        <fieldset className="destination">
          <legend>Destination</legend>
          <span className={place ? 'mono' : 'quiet'} data-testid="destination">
            {place ? `${place.latitude.toFixed(5)}, ${place.longitude.toFixed(5)}` : 'not chosen'}
          </span>
          <span className="quiet">{picked ? 'from the map' : place ? 'the call’s place' : ''}</span>
          <button type="button" className="button plain" aria-pressed={picking} onClick={() => onPick(!picking)}>
            {picking ? 'Stop choosing' : 'Choose on the map'}
          </button>
          {picked && (
            <button type="button" className="button quiet" onClick={() => onChoose(undefined)}>
              Use the call’s place
            </button>
          )}
          {faults('destination')}
        </fieldset>
        <Field label="Reason" fault={faults('reason')}>
          {(id) => (
            <textarea
              id={id}
              value={stated.reason}
              onChange={(event) => set({ reason: event.target.value })}
              rows={3}
              maxLength={500}
              aria-describedby="reason-judged"
            />
          )}
        </Field>
        <p id="reason-judged" className={judged.good ? 'judged good' : 'judged'} aria-live="polite">
          {judged.message}
        </p>
        <GoNoGo conditions={conditions} ownFlight={pilot === viewer.id} onChange={setConditions} />
        {faults('accepted_unknowns', 'conditions')}
      </OrderForm>
    </div>
  )
}
