/** The forms of oversight's desk. What becomes of each is said where it was sent. */
import { useEffect, useState } from 'react'

import { type Outcome, useOrder } from '../board/orders'
import { ChoiceField, faultsOf, inWords, LineField, OrderForm, SaidForm, TextField } from '../forms/field'
import { ask } from '../graphql/client'
import {
  CommitAuditSeedDocument,
  DrawAuditSampleDocument,
  RecordFindingDocument,
  ReviewAccessDocument,
  ReviewDisclosureDocument,
  SampledAccessesDocument,
  TakeCorrectiveActionDocument,
} from '../graphql/generated/graphql'
import { type Due, type Form, freshNumber, weekOf } from './steps'

type Props = { due: Due; onDone: (at: number) => void }

export function Step({ form, due, onDone }: Props & { form: Form }) {
  switch (form) {
    case 'commit':
      return <Commit due={due} onDone={onDone} />
    case 'draw':
      return <Draw due={due} onDone={onDone} />
    case 'review_access':
      return <ReviewAccess due={due} onDone={onDone} />
    case 'review_disclosure':
      return <ReviewDisclosure due={due} onDone={onDone} />
    case 'act':
      return <Act due={due} onDone={onDone} />
  }
}

/** The number is made here and shown once: only its SHA-256 leaves the page. */
function Commit({ due, onDone }: Props) {
  const order = useOrder(CommitAuditSeedDocument)
  const [made, setMade] = useState<{ nonce: string; sha256: string }>()
  const [kept, setKept] = useState(false)
  if (!made)
    return (
      <button type="button" className="button primary" onClick={() => void freshNumber().then(setMade)}>
        Make a number for {weekOf(due)}
      </button>
    )
  return (
    <OrderForm
      label={`Commit to a number for ${weekOf(due)}`}
      order={order}
      done={`Oversight is committed for ${weekOf(due)}`}
      verb="Commit to it"
      missing={[!kept && 'that you have kept the number']}
      onSend={() => order.send({ week: weekOf(due), nonceSha256: made.sha256 })}
      onAccepted={({ position }) => onDone(position)}
    >
      <p>
        Keep this number where the agency cannot read it, until the week is over. It is shown only here, and only now;
        without it no sample of this week can be drawn.
      </p>
      <code className="nonce" data-testid="nonce">
        {made.nonce}
      </code>
      <label className="check">
        <input type="checkbox" checked={kept} onChange={(event) => setKept(event.target.checked)} />I have kept the
        number
      </label>
    </OrderForm>
  )
}

function Draw({ due, onDone }: Props) {
  const order = useOrder(DrawAuditSampleDocument)
  const [nonce, setNonce] = useState('')
  return (
    <OrderForm
      label={`Draw the sample of ${weekOf(due)}`}
      order={order}
      done="The sample is drawn"
      verb="Reveal it and draw"
      missing={[nonce.trim() === '' && 'the number']}
      onSend={() => order.send({ week: weekOf(due), nonce: nonce.trim() })}
      onAccepted={({ position }) => onDone(position)}
    >
      <LineField
        label="The number that was committed to, 64 hexadecimal digits"
        fault={faultsOf(order.outcome)('nonce')}
        value={nonce}
        onChange={setNonce}
        mono
      />
    </OrderForm>
  )
}

function ReviewAccess({ due, onDone }: Props) {
  const order = useOrder(ReviewAccessDocument)
  const [stated, setStated] = useState<readonly (string | null)[]>()
  useEffect(() => {
    let left = false
    ask(SampledAccessesDocument, { week: weekOf(due) }).then(
      ({ auditSamples }) => {
        const access = auditSamples.samples[0]?.accesses.find((each) => each.position === due.number)
        if (!left) setStated(access?.stated ?? [])
      },
      () => undefined, // the reasons stand in the audit trail as well
    )
    return () => {
      left = true
    }
  }, [due])
  const review = { review: due.review ?? '', position: due.number ?? 0 }
  return (
    <>
      {stated && stated.length > 0 && (
        <p>
          Stated:{' '}
          {stated.map((reason) => (reason === null ? 'a text whose key is destroyed' : `“${reason}”`)).join(', ')}
        </p>
      )}
      <Verdict order={order} onSend={(verdict, note) => order.send({ ...review, verdict, note })} onDone={onDone} />
    </>
  )
}

function ReviewDisclosure({ due, onDone }: Props) {
  const order = useOrder(ReviewDisclosureDocument)
  const disclosure = due.stream.replace(/^disclosure-/, '')
  return <Verdict order={order} onSend={(verdict, note) => order.send({ disclosure, verdict, note })} onDone={onDone} />
}

const VERDICTS = ['proper', 'unclear', 'improper'] as const

type VerdictProps = {
  order: { sending: boolean; outcome: Outcome | undefined }
  onSend: (verdict: string, note: string) => Promise<Outcome>
  onDone: (at: number) => void
}

function Verdict({ order, onSend, onDone }: VerdictProps) {
  const [verdict, setVerdict] = useState<string>(VERDICTS[0])
  const [note, setNote] = useState('')
  const faults = faultsOf(order.outcome)
  const proper = verdict === 'proper'
  return (
    <OrderForm
      label="Review it"
      order={order}
      done="The review is on the record"
      verb="Record the review"
      missing={[!proper && note.trim() === '' && 'what is wrong or unclear']}
      onSend={() => onSend(verdict, note.trim())}
      onAccepted={({ position }) => onDone(position)}
    >
      <ChoiceField
        label="It was"
        fault={faults('verdict')}
        value={verdict}
        onChange={setVerdict}
        options={inWords(VERDICTS)}
      />
      <TextField
        label={proper ? 'Note, if any' : 'What is wrong or unclear'}
        fault={faults('note')}
        value={note}
        onChange={setNote}
        maxLength={2000}
      />
    </OrderForm>
  )
}

function Act({ due, onDone }: Props) {
  const order = useOrder(TakeCorrectiveActionDocument)
  const finding = { review: due.review ?? '', finding: due.number ?? 0 }
  return (
    <SaidForm
      label="Act on the finding"
      order={order}
      done="It is on the record"
      verb="Put it on the record"
      ask="What was done about it"
      field="measure"
      wanted="what was done, in ten characters"
      shortest={10}
      longest={4000}
      onSend={(measure) => order.send({ ...finding, measure })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}

const KINDS = ['vague_reason', 'no_such_case', 'no_authority', 'prohibited_purpose', 'procedure', 'record', 'other']

export function FindingForm({ onDone }: { onDone: (at: number) => void }) {
  const order = useOrder(RecordFindingDocument)
  const [kind, setKind] = useState('vague_reason')
  const [about, setAbout] = useState('')
  const [shortcoming, setShortcoming] = useState('')
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Record a finding"
      order={order}
      done="The finding is on the record"
      verb="Record the finding"
      missing={[shortcoming.trim().length < 10 && 'what is wrong, in ten characters']}
      onSend={() => order.send({ input: { kind, about: about.trim() || null, shortcoming: shortcoming.trim() } })}
      onAccepted={({ position }) => {
        onDone(position)
        setAbout('')
        setShortcoming('')
      }}
    >
      <ChoiceField label="Kind" fault={faults('kind')} value={kind} onChange={setKind} options={inWords(KINDS)} />
      <LineField
        label="About (a record, such as liveview-… or person-…)"
        fault={faults('about')}
        value={about}
        onChange={setAbout}
        mono
      />
      <TextField
        label="What is wrong"
        fault={faults('shortcoming')}
        value={shortcoming}
        onChange={setShortcoming}
        maxLength={4000}
      />
    </OrderForm>
  )
}
