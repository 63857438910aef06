/** Keeping footage whatever the schedule says, and saying again that it is needed. */
import { useState } from 'react'

import { useOrder } from '../board/orders'
import { Field, faultsOf, LineField, OrderForm, TextField } from '../forms/field'
import { type Basis, basisOf, LegalBasisFields, missingOfBasis, NO_BASIS } from '../forms/legal-basis'
import { PlaceLegalHoldDocument, VerifyLegalHoldDocument } from '../graphql/generated/graphql'
import { serverNow } from '../shell/clock'
import { dayOf } from '../shell/words'

const DAY_MS = 86_400_000
const QUARTER_MS = 90 * DAY_MS
const dayIn = (length: number) => dayOf(new Date(serverNow() + length).toISOString())

type DayProps = { day: string; onChange: (day: string) => void; fault: ReturnType<ReturnType<typeof faultsOf>> }

function DayField({ day, onChange, fault }: DayProps) {
  return (
    <Field label="Look again whether it is needed on" fault={fault}>
      {(id) => (
        <input id={id} type="date" min={dayIn(DAY_MS)} value={day} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  )
}

const tooShort = (reason: string) => reason.trim().length < 3 && 'a reason'

export function HoldForm({ footage, onDone }: { footage: string; onDone: (at: number) => void }) {
  const order = useOrder(PlaceLegalHoldDocument)
  const [name, setName] = useState('')
  const [basis, setBasis] = useState<Basis>(NO_BASIS)
  const [reason, setReason] = useState('')
  const [day, setDay] = useState(() => dayIn(QUARTER_MS))
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Place a legal hold"
      order={order}
      done="Held"
      verb="Hold it"
      missing={[!name.trim() && 'its name', ...missingOfBasis(basis), tooShort(reason), !day && 'a day']}
      promise="It beats the schedule until it is released, and is looked at again on that day."
      onSend={() =>
        order.send({
          footage,
          hold: name.trim(),
          legalBasis: basisOf(basis),
          reason: reason.trim(),
          verifyAgainOn: day,
        })
      }
      onAccepted={({ position }) => onDone(position)}
    >
      <LineField
        label="Name of the hold"
        fault={faults('hold')}
        value={name}
        onChange={setName}
        placeholder="such as homicide-26-0417"
      />
      <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
      <TextField label="Reason" fault={faults('reason')} value={reason} onChange={setReason} />
      <DayField day={day} onChange={setDay} fault={faults('verify_again_on', 'verifyAgainOn')} />
    </OrderForm>
  )
}

type VerifyProps = { footage: string; hold: string; onDone: (at: number) => void }

export function VerifyForm({ footage, hold, onDone }: VerifyProps) {
  const order = useOrder(VerifyLegalHoldDocument)
  const [reason, setReason] = useState('')
  const [day, setDay] = useState(() => dayIn(QUARTER_MS))
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Say that the hold is still needed"
      order={order}
      done="It stays in force"
      verb="It is still needed"
      missing={[tooShort(reason), !day && 'a day']}
      onSend={() => order.send({ footage, hold, reason: reason.trim(), verifyAgainOn: day })}
      onAccepted={({ position }) => onDone(position)}
    >
      <TextField label="Why it is needed still" fault={faults('reason')} value={reason} onChange={setReason} />
      <DayField day={day} onChange={setDay} fault={faults('verify_again_on', 'verifyAgainOn')} />
    </OrderForm>
  )
}
