/** Files of footage that leave the watch center: asked for, decided on by a second person, made, fetched, handed over. */
import { useCallback, useState } from 'react'

import { useOrder } from '../board/orders'
import { Reasons } from '../board/outcome'
import { nameOf, useSources } from '../cameras/sources'
import { spanned } from '../footage/times'
import { ChoiceField, faultsOf, OrderForm, SaidForm, TextField } from '../forms/field'
import { basisInWords } from '../forms/legal-basis'
import { ask, BY_ITSELF } from '../graphql/client'
import {
  ApproveExportDocument,
  DeliverExportDocument,
  ExportsDocument,
  type ExportsQuery,
  RefuseExportDocument,
} from '../graphql/generated/graphql'
import { Acts } from '../shell/acts'
import { Desk, Fact, type Kind, signed, Unread, useListed } from '../shell/desk'
import { useViewer } from '../shell/viewer'
import { dayOf, momentOf, timeOfDay, words } from '../shell/words'
import { bytes } from './bytes'

type Export = ExportsQuery['exports']['edges'][number]['node']
type Which = 'mine' | 'waiting' | 'all'

const MINE: Kind<Which> = {
  code: 'mine',
  name: 'Asked for by you',
  empty: 'You asked for no file yet. Choose footage first, then ‘Ask for a file’.',
}
const WAITING: Kind<Which> = { code: 'waiting', name: 'Waiting', empty: 'No file waits for a decision.' }
const ALL: Kind<Which> = { code: 'all', name: 'All', empty: 'No file was ever asked for.' }

export function ExportsPage() {
  const viewer = useViewer()
  const sources = useSources()
  const asks = viewer.can('request_export')
  const decides = viewer.can('approve_export')
  const kinds = [...(decides ? [WAITING] : []), ...(asks ? [MINE] : []), ...(viewer.can('read_exports') ? [ALL] : [])]
  const [which, setWhich] = useState<Which>(kinds[0]?.code ?? 'all')
  const load = useCallback(
    (at: number | undefined) =>
      ask(ExportsDocument, { which, after: null, at: at ?? null }, BY_ITSELF).then(({ exports }) =>
        exports.edges.map(({ node }) => node),
      ),
    [which],
  )
  const { rows, failure, again } = useListed(load)
  return (
    <Desk
      title="Exports"
      explained="Footage as a file, for an office or agency. Who asks for one does not approve it; each download is on the record."
      kinds={kinds}
      shown={which}
      onShow={setWhich}
      count={rows?.length}
    >
      <Unread failure={failure} again={again} />
      {rows?.map((each) => (
        <Item key={each.id} file={each} of={each.feed ? nameOf(each.feed, sources) : each.footage} onDone={again} />
      ))}
    </Desk>
  )
}

const SAID: Record<string, { name: string; look: string }> = {
  waiting: { name: 'waits for a second person', look: 'warn' },
  refused: { name: 'refused', look: 'bad' },
  approved: { name: 'is being made', look: 'warn' },
  made: { name: 'ready', look: 'good' },
  delivered: { name: 'handed over', look: 'good' },
}

function Item({ file, of, onDone }: { file: Export; of: string; onDone: (at: number) => void }) {
  const viewer = useViewer()
  const own = file.requestedBy.id === viewer.id
  const decides = file.state === 'waiting' && viewer.can('approve_export') && !own
  const said = SAID[file.state] ?? { name: words(file.state), look: '' }
  return (
    <article className="item" data-export={file.id} data-state={file.state}>
      <header>
        <span className={`chip ${said.look}`}>{said.name}</span>
        <h2>{of}</h2>
        <span className={file.masked ? 'chip' : 'chip bad'}>{file.masked ? 'masked' : 'without its mask'}</span>
        <span className="spring" />
        {file.state === 'approved' && (
          <progress aria-label="How much of the file is made" max={1} {...progressOf(file.progress)} />
        )}
      </header>
      <dl className="facts">
        <Fact name="Stretch">
          {dayOf(file.since)} {spanned({ since: Date.parse(file.since), until: Date.parse(file.until) })}
        </Fact>
        <Fact name="For">{file.recipient}</Fact>
        <Fact name="Legal basis">{file.legalBasis && basisInWords(file.legalBasis)}</Fact>
        <Fact name="Purpose">{words(file.purpose)}</Fact>
        <Fact name="Call">{file.callNumber}</Fact>
        <Fact name="Case">{file.caseNumber}</Fact>
        <Fact name="Asked for by">{signed(file.requestedBy, file.requestedAt)}</Fact>
        <Fact name={file.state === 'refused' ? 'Refused by' : 'Approved by'}>
          {signed(file.decidedBy, file.decidedAt)}
        </Fact>
        <Fact name="Public records">{file.category && words(file.category)}</Fact>
        <Fact name="File">
          {file.sizeBytes === null
            ? null
            : `${bytes(file.sizeBytes)}, made ${timeOfDay(file.madeAt ?? file.requestedAt)}`}
        </Fact>
        <Fact name="Fetched last">{file.downloadedAt && momentOf(file.downloadedAt)}</Fact>
        <Fact name="Handed over">
          {file.deliveredAt &&
            `${file.deliveryMethod ?? ''}, ${file.deliveredBy?.name ?? ''}, ${dayOf(file.deliveredAt)}`}
        </Fact>
      </dl>
      {file.fileSha256 && <p className="hash quiet">SHA-256 {file.fileSha256}</p>}
      {file.reasons.length > 0 && <Reasons reasons={file.reasons} />}
      <Acts
        onDone={onDone}
        acts={[
          decides && {
            verb: 'Approve…',
            look: 'primary',
            form: (done) => <Approve file={file.id} onDone={done} />,
          },
          decides && { verb: 'Refuse…', form: (done) => <Refuse file={file.id} onDone={done} /> },
          file.state === 'made' &&
            viewer.can('deliver_export') && {
              verb: 'It was handed over…',
              form: (done) => <Deliver file={file.id} onDone={done} />,
            },
        ]}
      >
        {file.download && viewer.can('download_export') && (
          <a className="button primary" href={file.download} download>
            Download
          </a>
        )}
      </Acts>
    </article>
  )
}

const progressOf = (progress: number | null) => (progress === null ? {} : { value: progress })

const CATEGORIES: readonly (readonly [string, string])[] = [
  ['investigatory_file', 'Investigatory file: exempt'],
  ['investigation', 'Investigation: exempt as far as the law says'],
  ['factual_inquiry', 'Factual inquiry: open to the public'],
]

type ActProps = { file: string; onDone: (at: number) => void }

function Approve({ file, onDone }: ActProps) {
  const order = useOrder(ApproveExportDocument)
  const [category, setCategory] = useState('')
  const [reason, setReason] = useState('')
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Approve the file"
      order={order}
      done="Approved: the file is being made"
      verb="Approve it"
      missing={[!category && 'what it is to the Public Records Act', reason.trim().length < 3 && 'why']}
      onSend={() => order.send({ export: file, category, reason: reason.trim() })}
      onAccepted={({ position }) => onDone(position)}
    >
      <ChoiceField
        label="To the Public Records Act it is"
        fault={faults('category')}
        value={category}
        onChange={setCategory}
        options={CATEGORIES}
        none="Choose…"
      />
      <TextField label="Why" fault={faults('reason')} value={reason} onChange={setReason} maxLength={300} />
    </OrderForm>
  )
}

function Refuse({ file, onDone }: ActProps) {
  const order = useOrder(RefuseExportDocument)
  return (
    <SaidForm
      label="Refuse the file"
      order={order}
      done="Refused"
      verb="Refuse it"
      ask="Why it is refused"
      field="reason"
      wanted="a reason"
      longest={300}
      onSend={(reason) => order.send({ export: file, reason })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}

function Deliver({ file, onDone }: ActProps) {
  const order = useOrder(DeliverExportDocument)
  return (
    <SaidForm
      label="Say how the file was handed over"
      order={order}
      done="On the record"
      verb="Put it on the record"
      ask="How it was handed over"
      field="method"
      wanted="how it was handed over"
      longest={200}
      placeholder="on a disk against a signature, by the DA’s portal…"
      onSend={(method) => order.send({ export: file, method })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}
