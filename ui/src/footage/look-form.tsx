/** Asking to look at footage. */
import { useOrder } from '../board/orders'
import { faultsOf, OrderForm } from '../forms/field'
import { GroundsFields, type Stated, useGrounds } from '../forms/grounds'
import { RequestViewingDocument } from '../graphql/generated/graphql'
import type { Part } from './recordings'
import { isoOf, type Stretch } from './times'

type Props = {
  footage: string
  part: Part
  range: Stretch
  start: Partial<Stated>
  onGranted: (viewing: string, stated: Stated) => void
}

export function LookForm({ footage, part, range, start, onGranted }: Props) {
  const order = useOrder(RequestViewingDocument)
  const grounds = useGrounds(start)
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Ask to look at footage"
      order={order}
      done="You may look"
      verb="Ask to look"
      missing={[...grounds.missing, grounds.missingReason]}
      promise="The request is on the record, granted or refused, before the first picture."
      onSend={() => order.send({ footage, grounds: grounds.input, range: isoOf(range, part) })}
      onAccepted={({ id }) => onGranted(id, grounds.stated)}
    >
      <GroundsFields
        grounds={grounds}
        faults={faults}
        impossible="nothing can be looked at"
        placeholder="What you expect to see, and why you need it"
      />
      {faults('range')}
    </OrderForm>
  )
}
