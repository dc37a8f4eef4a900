"""Synthetic examples of four targets, drawn from stated facts: features (n, 3) and numbers (n,)."""

import numpy as np

ZONES = {  # hours from UTC -> latitudes and longitudes of cities, in degrees
    -10: [(21, -158)],
    -9: [(61, -150)],
    -8: [(34, -118), (49, -123)],
    -7: [(33, -112), (51, -114)],
    -6: [(19, -99), (42, -88), (50, -97), (15, -91)],
    -5: [(5, -74), (-12, -77), (41, -74), (23, -82)],
    -4: [(10, -67), (-33, -71), (45, -64)],
    -3: [(-35, -58), (-24, -47)],
    0: [(64, -22), (6, 0), (52, 0), (39, -9)],
    1: [(7, 3), (40, -4), (53, 13), (-9, 13)],
    2: [(30, 31), (38, 24), (-26, 28), (60, 25)],
    3: [(56, 38), (41, 29), (-1, 37), (25, 47)],
    4: [(25, 55), (40, 50)],
    5: [(25, 67), (41, 69)],
    6: [(24, 90)],
    7: [(14, 101), (-6, 107), (55, 83)],
    8: [(40, 116), (44, 88), (-32, 116), (15, 121)],
    9: [(36, 140), (38, 127)],
    10: [(-27, 153), (43, 132)],
    12: [(-37, 175)],
}


def bus_arrival(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw distance by radio delay (m), speed (m/s) and stops -> seconds until the bus is here."""
    distance = rng.uniform(300, 6000, n)
    speed = rng.uniform(5, 12, n)
    stops = rng.integers(0, 7, n)
    noise = rng.normal(0, 20, n)
    seconds = distance / speed + 20 * stops + noise
    return np.column_stack([distance, speed, stops]), seconds


def age(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the length of a face, its wrinkles and gray hair, each with noise -> years."""
    years = rng.uniform(0, 90, n)
    length = 1 - np.exp(-years / 8)
    wrinkles = np.tanh(years / 60)
    gray = 1 / (1 + np.exp((50 - years) / 8))
    face = np.column_stack([length, wrinkles, gray])
    return face + rng.normal(0, 0.05, face.shape), years


def time_zone(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw where a picture was taken, near a city of ZONES -> hours from UTC.

    The picture tells the place, on the unit sphere, with a noise of 2°.
    """
    counts = [len(cities) for cities in ZONES.values()]
    hours = np.repeat(list(ZONES), counts)
    cities = np.concatenate(list(ZONES.values()))
    chosen = rng.integers(len(cities), size=n)
    degrees = cities[chosen] + rng.normal(0, 2, (n, 2))
    latitude, longitude = np.radians(degrees).T
    east = np.cos(latitude) * np.sin(longitude)
    front = np.cos(latitude) * np.cos(longitude)
    up = np.sin(latitude)
    return np.column_stack([east, front, up]), hours[chosen].astype(float)


def house_price(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw noise of the street (dB), echo (s) and birds of a recording -> price in thousands."""
    loudness = rng.uniform(40, 80, n)
    echo = rng.uniform(0.2, 1, n)
    birds = rng.poisson(3, n)
    by_loudness = 300 - 4 * (loudness - 40)
    by_room_and_birds = 250 * echo**2 + 8 * birds
    price = by_loudness + by_room_and_birds + rng.normal(0, 20, n)
    return np.column_stack([loudness, echo, birds]), price


TARGETS = {
    "bus arrival": bus_arrival,
    "age": age,
    "time zone": time_zone,
    "house price": house_price,
}
