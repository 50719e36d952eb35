from services.compute.agent.app import main

main()
