/** Asking for footage as a file, for an office or agency. */
import { useState } from 'react'
import { Link } from 'wouter'

import { useOrder } from '../board/orders'
import { faultsOf, isAccepted, LineField, OrderForm } from '../forms/field'
import { GroundsFields, type Stated, useGrounds } from '../forms/grounds'
import { type Basis, basisOf, LegalBasisFields, missingOfBasis, NO_BASIS } from '../forms/legal-basis'
import { RequestExportDocument } from '../graphql/generated/graphql'
import { useLifted } from '../overrides/lifted'
import type { Part } from './recordings'
import { isoOf, type Stretch } from './times'

type Props = {
  footage: string
  part: Part
  range: Stretch
  start: Partial<Stated>
  onAsked: (stated: Stated) => void
}

export function FileForm({ footage, part, range, start, onAsked }: Props) {
  const order = useOrder(RequestExportDocument)
  const grounds = useGrounds(start)
  const [recipient, setRecipient] = useState('')
  const [basis, setBasis] = useState<Basis>(NO_BASIS)
  const [original, setOriginal] = useState(false)
  const { override } = useLifted(`footage-${footage}`, undefined)
  const faults = faultsOf(order.outcome)
  const send = () =>
    order.send({
      footage,
      grounds: grounds.input,
      recipient: recipient.trim(),
      legalBasis: basisOf(basis),
      range: isoOf(range, part),
      override: original ? (override ?? null) : null,
    })
  return (
    <OrderForm
      label="Ask for a file"
      order={order}
      done="Asked for: it waits for a second person"
      verb="Ask for the file"
      missing={[
        ...grounds.missing,
        recipient.trim().length < 3 && 'who it is for',
        ...missingOfBasis(basis),
        grounds.missingReason,
      ]}
      promise="A second person approves it. Then it is made, sealed and signed; every download is on the record."
      onSend={send}
      onAccepted={() => onAsked(grounds.stated)}
    >
      <GroundsFields
        grounds={grounds}
        faults={faults}
        impossible="no file can be asked for"
        placeholder="What it shows, and what it is needed for"
      >
        <LineField
          label="For which office or agency"
          fault={faults('recipient')}
          hint="Never a person’s name."
          value={recipient}
          onChange={setRecipient}
          maxLength={120}
        />
        <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
      </GroundsFields>
      <label className="check">
        <input
          type="checkbox"
          checked={original && override !== undefined}
          disabled={!override}
          onChange={(event) => setOriginal(event.target.checked)}
        />
        <span>
          Without its mask
          {!override && (
            <span className="under quiet">
              Needs an override of this footage that is in effect: look at the footage and lift its mask first.
            </span>
          )}
        </span>
      </label>
      {faults('range', 'override')}
      {order.outcome && isAccepted(order.outcome) && (
        <p>
          <Link href="/exports">To the exports</Link>
        </p>
      )}
    </OrderForm>
  )
}
