"""What is thought to be in the sample and on the instrument: parameters, phases, rules between occupancies, files."""
