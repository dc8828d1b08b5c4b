import * as Menu from '@radix-ui/react-dropdown-menu';
import { Check, LogOut } from 'lucide-react';
import { useState } from 'react';
import type { ReactElement } from 'react';

import { session } from '../session/session.js';
import { useName, useSession } from '../session/SessionContext.js';
import { unsentText, useUnsentCount } from '../state/unsent.js';
import { Avatar } from '../ui/Avatar.js';
import { ConfirmDialog } from '../ui/ConfirmDialog.js';
import { chooseTheme, useTheme } from '../ui/theme.js';
import type { Theme } from '../ui/theme.js';

const THEMES: Record<Theme, string> = { system: 'Colours of the system', light: 'Light', dark: 'Dark' };

/** Who one is, how it looks, and the way out, which asks while something is not sent. */
export function AccountMenu(): ReactElement {
  const unsentCount = useUnsentCount();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <>
      <AccountChoices onSignOut={() => (unsentCount === 0 ? session.signOut() : setIsAsking(true))} />
      {isAsking && (
        <ConfirmDialog
          title="Sign out without sending?"
          description={`${unsentText(unsentCount)} not sent yet, and will be lost.`}
          confirm="Sign out"
          cancel="Stay"
          onConfirm={session.signOut}
          onClose={() => setIsAsking(false)}
        />
      )}
    </>
  );
}

function AccountChoices({ onSignOut }: { onSignOut: () => void }): ReactElement {
  const { userId } = useSession();
  const name = useName(userId);
  const theme = useTheme();
  return (
    <Menu.Root>
      <Menu.Trigger className="account">
        <Avatar userId={userId} name={name} />
        <span className="hidden">Account of {name}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Content className="menu" align="end" sideOffset={6} collisionPadding={8}>
          <Menu.Label className="menu-label">
            Signed in as <strong>{name}</strong>
          </Menu.Label>
          <Menu.Separator className="menu-separator" />
          <Menu.RadioGroup value={theme} onValueChange={(chosen) => chooseTheme(chosen as Theme)}>
            {Object.entries(THEMES).map(([value, label]) => (
              <Menu.RadioItem key={value} value={value} className="menu-item">
                <span className="menu-mark">
                  <Menu.ItemIndicator>
                    <Check />
                  </Menu.ItemIndicator>
                </span>
                {label}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
          <Menu.Separator className="menu-separator" />
          <Menu.Item className="menu-item" onSelect={onSignOut}>
            <LogOut className="menu-mark" />
            Sign out
          </Menu.Item>
        </Menu.Content>
      </Menu.Portal>
    </Menu.Root>
  );
}
