/** Asking to see without a mask: by a second person's approval, or at once where a life is at risk. */
import { useState } from 'react'

import { useOrder } from '../board/orders'
import { ChoiceField, faultsOf, OrderForm, TextField } from '../forms/field'
import { AuthorityFields, PolicyNote, PurposeField, type Stated, useGrounds } from '../forms/grounds'
import { type Basis, basisOf, LegalBasisFields, missingOfBasis, NO_BASIS } from '../forms/legal-basis'
import {
  InvokeEmergencyOverrideDocument,
  type OverrideTargetInput,
  RequestOverrideDocument,
} from '../graphql/generated/graphql'
import { serverNow } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import './override-form.css'

const SHORTEST_REASON = 10
/** Minutes in which a request may be approved; from then on it is in effect for as long as it asks for. */
const ANSWERED_WITHIN = 60

/** Of what it lifts the mask. `range`: of footage; a live picture is lifted from now on. */
export type Target = { target: string; name: string; range?: { since: string; until: string } | undefined }

type Props = {
  target: Target
  start: Partial<Stated>
  /** The override, which is in effect at once (`active`) or waits for a second person. */
  onAsked: (override: string, active: boolean) => void
}

export function OverrideForm({ target, start, onAsked }: Props) {
  const viewer = useViewer()
  const [emergency, setEmergency] = useState(false)
  return (
    <>
      {viewer.can('invoke_emergency_override') && (
        <fieldset className="either">
          <legend className="unseen">How</legend>
          <label className="choice">
            <input type="radio" name="how" checked={!emergency} onChange={() => setEmergency(false)} />
            <span>
              A second person approves
              <span className="quiet">A watch supervisor decides; it is in effect then.</span>
            </span>
          </label>
          <label className="choice">
            <input type="radio" name="how" checked={emergency} onChange={() => setEmergency(true)} />
            <span>
              Break glass: a life is at risk
              <span className="quiet">In effect at once. You justify it within 24 hours; it is always reviewed.</span>
            </span>
          </label>
        </fieldset>
      )}
      {emergency ? (
        <BreakGlass target={target} start={start} onAsked={onAsked} />
      ) : (
        <Ask target={target} start={start} onAsked={onAsked} />
      )}
    </>
  )
}

/** `waits`: for how many minutes it may wait before it is in effect. */
function inputOf({ target, range }: Target, grounds: ReturnType<typeof useGrounds>, minutes: number, waits: number) {
  const now = serverNow()
  // A minute back: the clock of this page may be a little ahead of that of the recorder.
  const lifted = range ?? {
    since: new Date(now - 60_000).toISOString(),
    until: new Date(now + (waits + minutes + 1) * 60_000).toISOString(),
  }
  const { purpose, callNumber, caseNumber } = grounds.input
  const input: OverrideTargetInput = {
    target,
    ...lifted,
    purpose,
    minutes,
    callNumber: callNumber ?? null,
    caseNumber: caseNumber ?? null,
    flight: null,
  }
  return input
}

/** An override names a call or case, whatever the purpose asks for. */
function missingAuthority({ stated }: ReturnType<typeof useGrounds>): (string | false)[] {
  return [!stated.purpose && 'a purpose', !stated.call && !stated.caseNumber.trim() && 'a call or a case']
}

const MINUTES = [10, 20, 30, 45, 60].map((each): [string, string] => [String(each), `${each} minutes`])

function Minutes({ minutes, onChange }: { minutes: number; onChange: (minutes: number) => void }) {
  return (
    <ChoiceField
      label="For how long"
      value={String(minutes)}
      onChange={(said) => onChange(Number(said))}
      options={MINUTES}
    />
  )
}

function Ask({ target, start, onAsked }: Props) {
  const order = useOrder(RequestOverrideDocument)
  const grounds = useGrounds({ ...start, reason: '' })
  const [basis, setBasis] = useState<Basis>(NO_BASIS)
  const [minutes, setMinutes] = useState(20)
  const faults = faultsOf(order.outcome)
  const reason = grounds.stated.reason.trim()
  const send = () => {
    const input = inputOf(target, grounds, minutes, ANSWERED_WITHIN)
    return order.send({ input, legalBasis: basisOf(basis), reason })
  }
  return (
    <OrderForm
      label={`Ask to see ${target.name} without its mask`}
      order={order}
      done="Asked for"
      verb="Ask for the override"
      missing={[
        ...missingAuthority(grounds),
        ...missingOfBasis(basis),
        reason.length < SHORTEST_REASON && 'a reason of ten characters',
      ]}
      promise="It ends by itself, every use of it is on the record, and an auditor reviews it."
      onSend={send}
      onAccepted={({ id }) => onAsked(id, false)}
    >
      <PolicyNote policy={grounds.policy} impossible="no mask can be lifted" />
      <PurposeField grounds={grounds} faults={faults} />
      <AuthorityFields grounds={grounds} faults={faults} />
      <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
      <TextField
        label="Reason"
        fault={faults('reason')}
        value={grounds.stated.reason}
        onChange={(said) => grounds.set({ reason: said })}
        rows={3}
        placeholder="What is under the mask, and why it has to be seen"
      />
      <Minutes minutes={minutes} onChange={setMinutes} />
    </OrderForm>
  )
}

function BreakGlass({ target, start, onAsked }: Props) {
  const order = useOrder(InvokeEmergencyOverrideDocument)
  const grounds = useGrounds({ ...start, reason: '' })
  const [minutes, setMinutes] = useState(20)
  const faults = faultsOf(order.outcome)
  const threat = grounds.stated.reason.trim()
  return (
    <OrderForm
      label={`Break glass for ${target.name}`}
      order={order}
      done="In effect"
      verb="Break glass now"
      missing={[
        ...missingAuthority(grounds),
        threat.length < SHORTEST_REASON && 'whose life is at risk, in ten characters',
      ]}
      promise="It is on the record with your name before the mask is lifted."
      onSend={() => order.send({ input: inputOf(target, grounds, minutes, 0), threat })}
      onAccepted={({ id }) => onAsked(id, true)}
    >
      <PurposeField grounds={grounds} faults={faults} />
      <AuthorityFields grounds={grounds} faults={faults} />
      <TextField
        label="Whose life is at risk, and how"
        fault={faults('threat')}
        value={grounds.stated.reason}
        onChange={(said) => grounds.set({ reason: said })}
        rows={3}
      />
      <Minutes minutes={minutes} onChange={setMinutes} />
    </OrderForm>
  )
}
