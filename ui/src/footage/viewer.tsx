/** A viewing that was granted: the player, and beside it the asking for its mask to be lifted. */
import { useState } from 'react'

import type { Stated } from '../forms/grounds'
import { useLifted } from '../overrides/lifted'
import { OverrideForm } from '../overrides/override-form'
import { SidePanel } from '../shell/side-panel'
import { useViewer } from '../shell/viewer'
import { Player } from './player'
import type { Part } from './recordings'
import { isoOf, type Stretch } from './times'

export type Viewing = { id: string; footage: string; part: Part; range: Stretch; stated: Stated }

type Props = { viewing: Viewing; name: string; onStop: () => void }

export function Viewer({ viewing, name, onStop }: Props) {
  const viewer = useViewer()
  const target = `footage-${viewing.footage}`
  const [asked, setAsked] = useState<string>()
  const [asking, setAsking] = useState(false)
  const { override, waiting } = useLifted(target, asked)
  const mayAsk = viewer.can('request_override') && !override
  return (
    <>
      <Player
        viewing={viewing.id}
        name={name}
        range={viewing.range}
        override={override}
        onStop={onStop}
        lift={
          waiting ? (
            <span className="chip warn">Override waits</span>
          ) : (
            mayAsk && (
              <button
                type="button"
                className="button"
                aria-expanded={asking}
                onClick={() => setAsking((before) => !before)}
              >
                Lift mask…
              </button>
            )
          )
        }
      />
      {asking && (
        <SidePanel title={`Lift the mask of ${name}`} className="lifting" onClose={() => setAsking(false)}>
          <OverrideForm
            target={{ target, name, range: isoOf(viewing.range, viewing.part) }}
            start={viewing.stated}
            onAsked={(id) => {
              setAsked(id)
              setAsking(false)
            }}
          />
        </SidePanel>
      )}
    </>
  )
}
