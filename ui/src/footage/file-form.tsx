/** Asking for footage as a file, for an office or agency. */
import { useState } from 'react'
import { Link } from 'wouter'

import { useOrder } from '../board/orders'
import { faultsOf, Field, isAccepted, OrderForm } from '../forms/field'
import { AuthorityFields, PolicyNote, PurposeField, ReasonField, type Stated, useGrounds } from '../forms/grounds'
import { type Basis, basisOf, LegalBasisFields, missingOfBasis, NO_BASIS } from '../forms/legal-basis'
import { RequestExportDocument } from '../graphql/generated/graphql'
import { useLifted } from '../overrides/lifted'
import { isoOf, type Stretch } from './times'

type Props = {
  recording: { id: string; since: string; until: string }
  range: Stretch
  start: Partial<Stated>
  onAsked: (stated: Stated) => void
}

export function FileForm({ recording, range, start, onAsked }: Props) {
  const order = useOrder(RequestExportDocument)
  const grounds = useGrounds(start)
  const [recipient, setRecipient] = useState('')
  const [basis, setBasis] = useState<Basis>(NO_BASIS)
  const [original, setOriginal] = useState(false)
  const { override } = useLifted(`footage-${recording.id}`, undefined)
  const faults = faultsOf(order.outcome)
  const send = async () => {
    const answer = await order.send({
      footage: recording.id,
      grounds: grounds.input,
      recipient: recipient.trim(),
      legalBasis: basisOf(basis),
      range: isoOf(range, recording),
      override: original ? (override ?? null) : null,
    })
    if (isAccepted(answer)) onAsked(grounds.stated)
  }
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
        !grounds.hasReason && 'a reason',
      ]}
      promise="A second person approves it. Then it is made, sealed and signed; every download is on the record."
      onSend={send}
    >
      <PolicyNote policy={grounds.policy} impossible="no file can be asked for" />
      <PurposeField grounds={grounds} faults={faults} />
      <AuthorityFields grounds={grounds} faults={faults} />
      <Field label="For which office or agency" fault={faults('recipient')} hint="Never a person’s name.">
        {(id) => (
          <input
            id={id}
            value={recipient}
            onChange={(event) => setRecipient(event.target.value)}
            maxLength={120}
            autoComplete="off"
          />
        )}
      </Field>
      <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
      <ReasonField
        grounds={grounds.input}
        reason={grounds.stated.reason}
        onChange={(reason) => grounds.set({ reason })}
        faults={faults}
        placeholder="What it shows, and what it is needed for"
      />
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
