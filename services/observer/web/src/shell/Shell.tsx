import { AppShell, Burger, Center, Group, Loader, NavLink, Text, useMantineTheme } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import type { Me } from "@/api/client";
import { reaches, useMe } from "@/api/me";
import { Failed } from "@/parts/states";
import { Account } from "./Account";
import { placeToGoBackTo } from "./goingBack";
import { PLACES } from "./navigation";
import { SignIn } from "./SignIn";

/** Everything: who is not signed in is asked to, at whatever address they are, and then sees what is there. */
export function Shell() {
  const me = useMe();
  if (me.isPending) {
    return (
      <Center h="100vh">
        <Loader aria-label="Loading" />
      </Center>
    );
  }
  if (me.isError) {
    return (
      <Center h="100vh" p="md" component="main">
        <Failed error={me.error} again={() => void me.refetch()} />
      </Center>
    );
  }
  return me.data === null ? <SignIn /> : <Frame me={me.data} />;
}

function Frame({ me }: { me: Me }) {
  const [isOpen, { toggle, close }] = useDisclosure();
  const { breakpoints } = useMantineTheme();
  const isWide = useMediaQuery(`(min-width: ${breakpoints.sm})`, true, { getInitialValueInEffect: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: The menu closes when the address changes.
  useEffect(close, [path]);
  // Whoever is in is where they wanted to be.
  useEffect(() => void placeToGoBackTo(), []);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding={{ base: "sm", sm: "lg" }}
    >
      <a className="skip" href="#content">
        Skip to content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Navigation"
              aria-expanded={isOpen}
            />
            <img src="/mark.svg" alt="" width={26} height={26} />
            <Text fw={700} size="lg">
              Oblivion
            </Text>
          </Group>
          <Account me={me} />
        </Group>
      </AppShell.Header>
      {/* Closed, it only stands beside the screen: nobody is to come there by keyboard. */}
      <AppShell.Navbar p="xs" aria-label="Views" inert={!isWide && !isOpen}>
        {PLACES.filter((place) => reaches(me.role, place.least)).map((place) => (
          <NavLink
            key={place.to}
            renderRoot={(rest) => <Link to={place.to} {...rest} />}
            label={place.label}
            leftSection={<place.icon size={18} stroke={1.6} aria-hidden />}
            active={place.to === "/" ? path === "/" : path.startsWith(place.to)}
            aria-current={path === place.to ? "page" : undefined}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}
