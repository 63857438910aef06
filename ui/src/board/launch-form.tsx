import { useId, useState } from 'react'

import { ChoiceField, faultsOf, LineField, OrderForm, TextField } from '../forms/field'
import { AuthorityFields, PolicyNote, PurposeField, useGrounds } from '../forms/grounds'
import { RequestLaunchDocument, type RequestLaunchInput } from '../graphql/generated/graphql'
import { SidePanel } from '../shell/side-panel'
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
  const suggestions = useId()

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
    return order.send({ input })
  }
  const faults = faultsOf(order.outcome)

  return (
    <SidePanel title="Request launch" className="launch" onClose={onClose}>
      <OrderForm
        label="Request launch"
        order={order}
        done="Launch requested"
        verb="Request launch"
        missing={missing}
        onSend={send}
        onAccepted={({ id }) => onRequested(id)}
      >
        <PolicyNote policy={grounds.policy} impossible="no launch can be requested" />
        <PurposeField
          grounds={grounds}
          faults={faults}
          hint={rule?.needsCommander ? 'Waits for the station commander’s authorisation.' : undefined}
        />
        <AuthorityFields grounds={grounds} faults={faults} />
        <div className="pair">
          <ChoiceField
            label="Drone"
            fault={faults('drone')}
            hint={drones.length === 0 ? 'No drone is registered.' : undefined}
            value={chosenDrone}
            onChange={setDrone}
            options={drones.map(({ id, registration, status }) => [
              id,
              status === 'ready' ? registration : `${registration} (${words(status).toLowerCase()})`,
            ])}
          />
          <LineField
            label="Cruise height, m AGL"
            fault={faults('cruise_agl_m', 'cruiseAglM')}
            value={cruise}
            onChange={setCruise}
            inputMode="decimal"
          />
        </div>
        <LineField
          label="Pilot (RPIC)"
          fault={faults('pilot')}
          hint={pilot === viewer.id ? 'You.' : 'Person id of the remote pilot in command.'}
          value={pilot}
          onChange={setPilot}
          list={suggestions}
        />
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
        <TextField
          label="Reason"
          fault={faults('reason')}
          value={stated.reason}
          onChange={(reason) => set({ reason })}
          rows={3}
          describedBy="reason-judged"
        />
        <p id="reason-judged" className={judged.good ? 'judged good' : 'judged'} aria-live="polite">
          {judged.message}
        </p>
        <GoNoGo conditions={conditions} ownFlight={pilot === viewer.id} onChange={setConditions} />
        {faults('accepted_unknowns', 'conditions')}
      </OrderForm>
    </SidePanel>
  )
}
