import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'

import { ask, Failure } from '../graphql/client'
import {
  RequestLaunchDocument,
  UsePolicyDocument,
  type RequestLaunchInput,
  type UsePolicyQuery,
} from '../graphql/generated/graphql'
import { useViewer } from '../shell/viewer'
import { words } from '../shell/words'
import { type Conditions, GoNoGo, NOT_ASKED, said } from './go-no-go'
import { useBoard } from './live'
import { useOrder } from './orders'
import { OutcomeNote } from './outcome'
import { judgeReason } from './reason'
import type { Board } from './store'

type Place = { latitude: number; longitude: number }
type Policy = NonNullable<UsePolicyQuery['usePolicy']>

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
  const [policy, setPolicy] = useState<Policy | null | Failure>()
  const [drone, setDrone] = useState('')
  const [purpose, setPurpose] = useState('')
  const [call, setCall] = useState(callNumber ?? '')
  const [caseNumber, setCaseNumber] = useState('')
  const [authorisation, setAuthorisation] = useState('')
  const [pilot, setPilot] = useState(viewer.roles.includes('remote_pilot') ? viewer.id : '')
  const [cruise, setCruise] = useState('60')
  const [reason, setReason] = useState('')
  const [conditions, setConditions] = useState<Conditions>(NOT_ASKED)
  const { sending, outcome, send } = useOrder(RequestLaunchDocument)
  const title = useRef<HTMLHeadingElement>(null)
  const suggestions = useId()

  useEffect(() => {
    title.current?.focus()
    ask(UsePolicyDocument, {}).then(
      ({ usePolicy }) => setPolicy(usePolicy),
      (error: unknown) => setPolicy(error instanceof Failure ? error : new Failure('failed', String(error))),
    )
  }, [])

  const rule =
    policy && !(policy instanceof Failure) ? policy.purposes.find((each) => each.code === purpose) : undefined
  const needsCall = rule?.needsCall ?? true
  const place = picked ?? calls.find((each) => each.number === call)?.place
  const chosenDrone = drone || (drones[0]?.id ?? '')
  const judged = judgeReason(reason)
  const agl = Number(cruise)
  const missing = [
    !chosenDrone && 'a drone',
    !purpose && 'a purpose',
    needsCall && !call && !caseNumber.trim() && 'a call or a case',
    !needsCall && !authorisation.trim() && 'the authorisation',
    !place && 'a destination',
    !pilot.trim() && 'a pilot',
    !(Number.isFinite(agl) && agl > 0) && 'a cruise height',
    !judged.good && 'a reason',
  ].filter((each) => each !== false)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!place || missing.length > 0) return
    const input: RequestLaunchInput = {
      drone: chosenDrone,
      pilot: pilot.trim() || null,
      purpose,
      callNumber: call || null,
      caseNumber: caseNumber.trim() || null,
      authorisation: needsCall ? null : authorisation.trim(),
      destination: { latitude: place.latitude, longitude: place.longitude },
      cruiseAglM: agl,
      reason: reason.trim(),
      ...said(conditions, pilot === viewer.id),
    }
    const answer = await send({ input })
    if (!(answer instanceof Failure) && answer.__typename === 'Accepted') onRequested(answer.id)
  }
  const wrong = outcome && !(outcome instanceof Failure) && outcome.__typename === 'Mistaken' ? outcome : undefined
  const fault = (...fields: string[]) =>
    wrong?.field && fields.includes(wrong.field) ? (
      <Fault message={wrong.message} accepted={wrong.accepted} />
    ) : undefined

  return (
    <form
      className="launch"
      role="dialog"
      aria-labelledby="launch-title"
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <header>
        <h2 id="launch-title" ref={title} tabIndex={-1}>
          Request launch
        </h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {policy instanceof Failure && (
        <p className="note bad" role="alert">
          {policy.message}
        </p>
      )}
      {policy === null && (
        <p className="note bad" role="alert">
          No use policy is in force, so no launch can be requested.
        </p>
      )}

      <Field
        label="Purpose"
        fault={fault('purpose')}
        hint={rule?.needsCommander ? 'Waits for the station commander’s authorisation.' : undefined}
      >
        {(id) => (
          <select id={id} value={purpose} onChange={(event) => setPurpose(event.target.value)} required>
            <option value="">Choose…</option>
            {policy && !(policy instanceof Failure) && <Purposes policy={policy} />}
          </select>
        )}
      </Field>
      <Field label="Call" fault={fault('call_number', 'callNumber', 'call')}>
        {(id) => (
          <select id={id} value={call} onChange={(event) => setCall(event.target.value)}>
            <option value="">{needsCall ? 'No call: give a case number' : 'No call'}</option>
            {calls.map((each) => (
              <option key={each.number} value={each.number}>
                {`P${each.priority} ${words(each.callType)} · ${each.number}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="pair">
        <Field label="Case number" fault={fault('case_number', 'caseNumber')}>
          {(id) => (
            <input
              id={id}
              value={caseNumber}
              onChange={(event) => setCaseNumber(event.target.value)}
              placeholder="if there is no call"
              autoComplete="off"
            />
          )}
        </Field>
        {!needsCall && (
          <Field label="Authorisation" fault={fault('authorisation')}>
            {(id) => (
              <input
                id={id}
                value={authorisation}
                onChange={(event) => setAuthorisation(event.target.value)}
                placeholder="who allowed it, and where"
                autoComplete="off"
              />
            )}
          </Field>
        )}
      </div>
      <div className="pair">
        <Field label="Drone" fault={fault('drone')} hint={drones.length === 0 ? 'No drone is registered.' : undefined}>
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
        <Field label="Cruise height, m AGL" fault={fault('cruise_agl_m', 'cruiseAglM')}>
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
        fault={fault('pilot')}
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
        {fault('destination')}
      </fieldset>
      <Field label="Reason" fault={fault('reason')}>
        {(id) => (
          <textarea
            id={id}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
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
      {fault('accepted_unknowns', 'conditions')}
      {outcome && !(wrong?.field && fault(wrong.field)) && <OutcomeNote outcome={outcome} done="Launch requested" />}
      <footer>
        <button type="submit" className="button primary wide" aria-busy={sending} disabled={missing.length > 0}>
          Request launch
        </button>
        {missing.length > 0 && <p className="quiet">Still needed: {missing.join(', ')}.</p>}
      </footer>
    </form>
  )
}

export function Purposes({ policy }: { policy: Policy }) {
  const open = policy.purposes.filter((each) => !each.prohibited)
  const closed = policy.purposes.filter((each) => each.prohibited)
  return (
    <>
      {open.map((each) => (
        <option key={each.code} value={each.code}>
          {words(each.title)}
        </option>
      ))}
      {closed.length > 0 && (
        <optgroup label={`Prohibited by use policy ${policy.version}`}>
          {closed.map((each) => (
            <option key={each.code} value={each.code} disabled>
              {words(each.title)}
            </option>
          ))}
        </optgroup>
      )}
    </>
  )
}

type FieldProps = { label: string; fault?: ReactNode; hint?: string | undefined; children: (id: string) => ReactNode }

export function Field({ label, fault, hint, children }: FieldProps) {
  const id = useId()
  return (
    <div className={fault ? 'field wrong' : 'field'}>
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children(id)}
      {hint && <span className="hint">{hint}</span>}
      {fault}
    </div>
  )
}

export function Fault({ message, accepted }: { message: string; accepted: string | null }) {
  return (
    <span className="fault" role="alert">
      {message}
      {accepted && <span className="accepted"> Accepted: {accepted}</span>}
    </span>
  )
}
