/** The records that match as a file: what is personal to members of the public is left out, under a section, for a reason. */
import { useState } from 'react'

import { useOrder } from '../board/orders'
import { ChoiceField, faultsOf, isAccepted, LineField, OrderForm } from '../forms/field'
import { ExportAuditTrailDocument } from '../graphql/generated/graphql'
import { filterOf, type View } from './view'

const FORMATS: readonly (readonly [string, string])[] = [
  ['pdf', 'PDF to be kept (PDF/A), at most 1,000 records'],
  ['csv', 'CSV, at most 10,000 records'],
  ['jsonl', 'JSON, a record a line, at most 10,000'],
]

export function ExportDrawer({ view, onClose }: { view: View; onClose: () => void }) {
  const order = useOrder(ExportAuditTrailDocument)
  const [format, setFormat] = useState('pdf')
  const [purpose, setPurpose] = useState('')
  const [section, setSection] = useState('')
  const [reason, setReason] = useState('personal to members of the public')
  const faults = faultsOf(order.outcome)
  const made = order.outcome && isAccepted(order.outcome) ? order.outcome.id : undefined
  const send = () => {
    const asked = { format, purpose: purpose.trim(), section: section.trim(), reason: reason.trim() }
    return order.send({ ...asked, filter: filterOf(view) })
  }
  return (
    <aside className="drawer" aria-label="Export the audit trail">
      <header>
        <h2>Export what matches</h2>
        <span className="spring" />
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <p className="quiet">
        The records that the filter matches, as of the end of the log at this moment, with the hash of the log they are
        taken from. The export and each download are on the record.
      </p>
      <OrderForm
        label="Export the audit trail"
        order={order}
        done="The file is made"
        verb="Make the file"
        missing={[
          purpose.trim().length < 3 && 'what it is for',
          section.trim().length < 3 && 'the section',
          reason.trim().length < 3 && 'why it is left out',
        ]}
        onSend={send}
      >
        <ChoiceField label="As" fault={faults('format')} value={format} onChange={setFormat} options={FORMATS} />
        <LineField label="What it is for" fault={faults('purpose')} value={purpose} onChange={setPurpose} />
        <LineField
          label="Personal data is left out under"
          fault={faults('section')}
          hint="What members of the public said and who they are."
          value={section}
          onChange={setSection}
          placeholder="such as Gov. Code §7923.600"
        />
        <LineField label="Why it is left out" fault={faults('reason')} value={reason} onChange={setReason} />
        {faults('filter')}
      </OrderForm>
      {made && (
        <a className="button primary wide" href={`/audit-exports/${made}`} download>
          Download
        </a>
      )}
    </aside>
  )
}
